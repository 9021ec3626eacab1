"""Intervals of shares, beside those of scipy."""

import pytest
from scipy.stats import binomtest

from studies.api.wilson import LEVEL, interval


@pytest.mark.parametrize("count", [1, 2, 7, 100, 360, 8192, 50_000])
def test_an_interval_is_that_of_scipy_whatever_the_share(count: int) -> None:
    for some in {0, 1, count // 3, count // 2, count - 1, count}:
        known = binomtest(some, count).proportion_ci(LEVEL, method="wilson")
        assert interval(100 * some / count, count) == pytest.approx([100 * known.low, 100 * known.high], rel=1e-12)
