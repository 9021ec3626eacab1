"""Which of several candidates no other one beats."""

from collections.abc import Sequence

from studies.searching.objectives import Direction


def front(values: Sequence[Sequence[float]], directions: Sequence[Direction]) -> list[int]:
    """Indices of the Pareto set, the best in the first objective first.

    A candidate is in it if no other one is at least as good in every objective and better in one. Of candidates that
    are equal in all, all are.

    Args:
        values: a row a candidate, a number an objective.
        directions: of each objective.
    """
    signs = [1.0 if direction == "minimize" else -1.0 for direction in directions]
    rows = [tuple(sign * value for sign, value in zip(signs, row, strict=True)) for row in values]
    # In this order whatever beats a row stands before it, and one that is in the set does.
    kept: list[tuple[float, ...]] = []
    found = []
    for i in sorted(range(len(rows)), key=rows.__getitem__):
        if not any(other != rows[i] and all(a <= b for a, b in zip(other, rows[i], strict=True)) for other in kept):
            kept.append(rows[i])
            found.append(i)
    return found
