"""How far a share of a random sample may be from that of all."""

from math import sqrt
from statistics import NormalDist

LEVEL = 0.95


def interval(percent: float, count: int) -> list[float]:
    """Wilson's 95 % interval, low and high in %, of a share of so many.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22, 1927.
    """
    some, z = round(percent / 100 * count), NormalDist().inv_cdf((1 + LEVEL) / 2)
    share = some / count
    middle, half = 2 * count * share + z**2, z * sqrt(4 * count * share * (1 - share) + z**2)
    low = 0.0 if some == 0 else (middle - half) / (2 * (count + z**2))
    high = 1.0 if some == count else (middle + half) / (2 * (count + z**2))
    return [100 * low, 100 * high]
