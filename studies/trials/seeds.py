"""Seeds as users give them: how many, or which."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from searchspace.bounds import LARGEST_SEED, Within, shown

MOST_SEEDS = 1000


def numbered(seeds: Any, given: str | None = None) -> tuple[int, ...]:
    """Seeds as a list: the first so many (0, 1, ...), or those that are listed.

    Args:
        seeds: how many, or a list.
        given: what errors show; default: the seeds.

    Raises:
        ValueError: if they are neither, too many, or one is listed twice.
    """
    several = isinstance(seeds, Iterable) and not isinstance(seeds, (str, bytes, dict))
    try:
        if not several:
            return tuple(range(Within(1, MOST_SEEDS).check(seeds, whole=True)))
        found = tuple(Within(0, LARGEST_SEED).check(seed, whole=True) for seed in islice(seeds, MOST_SEEDS + 1))
    except ValueError:
        found = ()
    if not 1 <= len(found) <= MOST_SEEDS:
        raise ValueError(
            f"how many (1 to {MOST_SEEDS}), or a list of whole numbers from 0 on (at most {MOST_SEEDS}, below 2^63), "
            f"got {shown(seeds if given is None else given)}"
        )
    twice = next((seed for seed in found if found.count(seed) > 1), None)
    if twice is not None:
        raise ValueError(f"each seed once, got {twice} twice in {shown(seeds if given is None else given)}")
    return found
