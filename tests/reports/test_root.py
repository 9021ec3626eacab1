"""Roots, beside scipy's."""

import random
from collections.abc import Callable
from math import atan, exp, tanh

import pytest
from scipy.optimize import brentq

from reports.root import root

FUNCTIONS: list[Callable[[float, float, float], float]] = [
    lambda x, a, b: exp(abs(a) * x / 5) - 1 - b,
    lambda x, a, b: x**3 - a * x + b,
    lambda x, a, b: atan(5 * a * (x - b)),
    lambda x, a, b: tanh(x - a) + x / 100 - b / 200,
    lambda x, a, b: a * x,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_root_is_that_of_scipy_to_the_last_bit_and_asks_for_the_same_points(
    function: Callable[[float, float, float], float],
) -> None:
    chance, roots = random.Random(0), 0
    for _ in range(500):
        a, b = chance.gauss(0, 3), chance.gauss(0, 3)
        low, high, tolerance = chance.uniform(-30, 0), chance.uniform(0, 30), 10 ** chance.uniform(-12, -2)
        ours: list[float] = []
        theirs: list[float] = []

        def noted(x: float, asked: list[float], a: float = a, b: float = b) -> float:
            asked.append(x)
            return function(x, a, b)

        if function(low, a, b) * function(high, a, b) >= 0:
            continue
        roots += 1
        found = root(lambda x: noted(x, ours), low, high, tolerance)  # noqa: B023
        assert found == brentq(lambda x: noted(x, theirs), low, high, xtol=tolerance)  # noqa: B023
        assert ours == theirs
    assert roots > 50


def test_an_end_that_is_a_root_is_the_answer() -> None:
    assert (root(lambda x: x, 0, 1, 1e-9), root(lambda x: x - 1, 0, 1, 1e-9)) == (0, 1)


def test_points_with_equal_signs_are_refused() -> None:
    with pytest.raises(ValueError, match="no change of sign: 1 at 0 and 2 at 1"):
        root(lambda x: x + 1, 0, 1, 1e-9)


def test_a_root_that_is_not_found_in_time_is_no_answer() -> None:
    with pytest.raises(ArithmeticError, match="no root within"):
        root(lambda x: (x - 0.3) ** 9, -10, 20, 1e-12)
