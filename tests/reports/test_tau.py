"""Kendall's tau-b against SciPy's, and its interval over seeds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from reports.tau import over_seeds, tau_b


@given(st.integers(2, 9).flatmap(lambda n: st.lists(st.lists(st.integers(0, 5), min_size=n, max_size=n), min_size=2)))
def test_as_scipy_has_it_ties_included(rankings: list[list[int]]) -> None:
    first, others = np.array(rankings[0], float), np.array(rankings[1:], float)
    expected = [kendalltau(first, other).statistic for other in others]
    assert tau_b(first, others) == pytest.approx(expected, nan_ok=True)


def test_one_seed_has_no_interval() -> None:
    tau, low, high = over_seeds([1, 2, 3], [np.array([5.0]), np.array([6.0, 7.0]), np.array([4.0, 4.0])])
    assert tau == pytest.approx(-1 / 3)
    assert np.isnan([low, high]).all()


def test_the_interval_is_as_wide_as_seeds_leave_the_order_open() -> None:
    apart = [np.array([1.0, 1.1]), np.array([2.0, 2.1]), np.array([3.0, 3.1])]
    assert over_seeds([1, 2, 3], apart) == (1.0, 1.0, 1.0)
    crossing = [np.array([1.0, 4.0]), np.array([2.0, 2.1]), np.array([3.0, 3.1])]
    tau, low, high = over_seeds([1, 2, 3], crossing)
    assert tau == pytest.approx(1 / 3)
    assert low == -1 / 3 and high == 1.0
