"""The Pareto set, against its definition."""

from hypothesis import given
from hypothesis import strategies as st

from studies.searching.pareto import front

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), max_size=30)


def beats(a: tuple, b: tuple) -> bool:
    """Whether a is at least as good as b in all and better in one: the first is to be large, the others small."""
    return a != b and a[0] >= b[0] and a[1] <= b[1] and a[2] <= b[2]


@given(ROWS)
def test_the_front_is_what_no_other_candidate_beats(rows: list[tuple]) -> None:
    found = front(rows, ["maximize", "minimize", "minimize"])
    assert sorted(found) == [i for i, row in enumerate(rows) if not any(beats(other, row) for other in rows)]


def test_the_front_begins_with_the_best_in_the_first_objective() -> None:
    assert front([(1, 1), (3, 3), (2, 2), (2, 3)], ["maximize", "minimize"]) == [1, 2, 0]


def test_of_one_objective_the_front_is_the_best_and_its_equals() -> None:
    assert front([(1,), (3,), (3,)], ["maximize"]) == [1, 2]
    assert front([], ["maximize"]) == []
