"""Where a function of one variable is 0, by Brent's method.

That of `scipy.optimize.brentq`, to the last bit, which takes longer to import than a report takes to be made.
"""

from collections.abc import Callable
from math import copysign, ulp

RELATIVE = 4 * ulp(1.0)  # least tolerance, of what the root is
MOST_STEPS = 100


def root(function: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """A root between two points at which a function has different signs.

    Inverse quadratic interpolation or the secant where they converge, else bisection (Brent, "Algorithms for
    Minimization Without Derivatives", 1973, chapter 4).

    Args:
        function: continuous.
        low, high: the points.
        tolerance: how far from a root the answer may be.

    Raises:
        ValueError: if the signs are equal.
        ArithmeticError: if it is not found in `MOST_STEPS`.
    """
    before, now = low, high
    f_before, f_now = function(before), function(now)
    if f_before == 0:
        return before
    if f_now and _same_sign(f_before, f_now):
        raise ValueError(f"no change of sign: {f_before:g} at {low:g} and {f_now:g} at {high:g}")
    other, f_other, step, last_step = before, f_before, now - before, now - before  # a root is from `now` to `other`
    for _ in range(MOST_STEPS):
        if f_before and f_now and not _same_sign(f_before, f_now):
            other, f_other, step, last_step = before, f_before, now - before, now - before
        if abs(f_other) < abs(f_now):
            before, now, other = now, other, now
            f_before, f_now, f_other = f_now, f_other, f_now
        near, half = (tolerance + RELATIVE * abs(now)) / 2, (other - now) / 2
        if f_now == 0 or abs(half) < near:
            return now
        tried = None
        if abs(last_step) > near and abs(f_now) < abs(f_before):
            if before == other:
                tried = -f_now * (now - before) / (f_now - f_before)
            else:
                to_before, to_other = (f_before - f_now) / (before - now), (f_other - f_now) / (other - now)
                tried = -f_now * (f_other * to_other - f_before * to_before)
                tried /= to_other * to_before * (f_other - f_before)
        if tried is not None and 2 * abs(tried) < min(abs(last_step), 3 * abs(half) - near):
            last_step, step = step, tried
        else:
            last_step = step = half
        before, f_before = now, f_now
        now += step if abs(step) > near else copysign(near, half)
        f_now = function(now)
    raise ArithmeticError(f"no root within {tolerance:g} after {MOST_STEPS} steps, the last at {now:g}")


def _same_sign(one: float, two: float) -> bool:
    return (one > 0) == (two > 0)
