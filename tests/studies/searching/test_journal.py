"""The journal of a search: one process at a time, mended after a kill, and of one search alone."""

from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from searches import candidates, definition, evaluate

from searchspace.expand import SpecError
from studies.language.scale_file import load_scale
from studies.searching.definition import Definition
from studies.searching.journal import BusyError, check_journal, is_at, journal_path, opened, study_in
from studies.searching.objectives import directions
from studies.searching.search import Search
from studies.store.store import Store

OURS = definition()


def search_in(path: Path, storage: optuna.storages.JournalStorage, of: Definition = OURS) -> Search:
    return Search(study_in(storage, path, "s", directions(of.objectives), of.plain()), candidates(of))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with three candidates, one of them running."""
    path = journal_path(Store(tmp_path), "s")
    with opened(path) as storage:
        search = search_in(path, storage)
        evaluate(search, 2)
        search.propose()
    return path


def test_a_journal_is_taken_up_where_it_ends(path: Path) -> None:
    with opened(path) as storage:
        search = search_in(path, storage)
        assert [trial.state for trial in search.study.trials] == [TrialState.COMPLETE] * 2 + [TrialState.RUNNING]
        assert list(search.running) == [2]


@pytest.mark.parametrize("cut", [1, 40, 400])
def test_a_line_that_a_process_was_killed_over_is_as_if_it_had_not_begun(path: Path, cut: int) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with opened(path) as storage:
        assert len(search_in(path, storage)) == 2
        again = search_in(path, storage)
        proposal = again.propose()
        assert proposal is not None and proposal.number == 2
    assert whole.rpartition(b'"params":')[2] == path.read_bytes().rpartition(b'"params":')[2], "the same candidate"


def test_a_lock_of_a_process_that_was_killed_is_not_waited_for(path: Path) -> None:
    Path(f"{path}.lock").symlink_to(path)
    with opened(path) as storage:
        evaluate(search_in(path, storage), 1)
    assert not Path(f"{path}.lock").is_symlink()


def test_a_second_process_is_refused(path: Path) -> None:
    with opened(path), pytest.raises(BusyError, match="another process runs this search now"), opened(path):
        pass


def test_after_a_kill_as_it_began_the_journal_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "s.journal"
    with opened(path) as storage:
        optuna.create_study(study_name="s", storage=storage, directions=["maximize", "minimize"])
    with opened(path) as storage:
        evaluate(search_in(path, storage), 1)
    check_journal(path, {"s": OURS.plain()})


@pytest.mark.parametrize(
    ("other", "word"),
    [
        (definition("random"), "sampler is tpe there and random here"),
        (definition(seed=1), "seed is 0 there and 1 here"),
        (definition(objectives=("top1",)), "objectives is top1, macs there and top1 here"),
        (
            definition(budget=OURS.budget.model_copy(update={"max_macs": 10**9})),
            r"budget\.max_macs is 2000000000 there",
        ),
        (definition(space=OURS.space.model_copy(update={"base": "t2t_vit_19"})), r"space\.base"),
        (definition(scale={"lr_base_width": 64}), r"scale\.lr_base_width is None there and 64 here"),
    ],
    ids=["sampler", "seed", "objectives", "budget", "space", "rate by width"],
)
def test_a_journal_of_another_search_is_refused_with_what_differs(path: Path, other: Definition, word: str) -> None:
    before = path.read_bytes()
    with pytest.raises(SpecError, match=word):
        check_journal(path, {"s": other.plain()})
    assert path.read_bytes() == before
    assert check_journal(path, {"s": OURS.plain()}) == {"s": 3}
    assert check_journal(path, {"other": other.plain()}) == {"other": 0}


def test_a_search_at_a_scale_of_other_rates_is_at_another_scale() -> None:
    long, by_width = load_scale("digits_long"), load_scale("digits_by_width")
    assert (long.data, long.shrink, long.recipe) == (by_width.data, by_width.shrink, by_width.recipe)
    for scale, other in ((long, by_width), (by_width, long)):
        plain = replace(OURS, scale=scale).plain()
        assert is_at(plain, scale)
        assert not is_at(plain, other)


@pytest.mark.parametrize("content", [b"no journal\n", b"{}\n", b"[1]\n", b"\x80\n"])
def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.journal"
    path.write_bytes(content)
    with pytest.raises(SpecError, match="is not the journal of a search, or is damaged"):
        check_journal(path, {"s": OURS.plain()})
    assert path.read_bytes() == content


def test_a_store_that_is_no_folder_is_refused() -> None:
    with pytest.raises(SpecError, match="keeps its journal in a folder"):
        journal_path(Store("memory://x/runs"), "s")
