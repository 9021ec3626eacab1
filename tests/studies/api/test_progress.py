import io
import time
from types import SimpleNamespace

import pytest

from studies.api.progress import EVERY, Progress
from studies.api.wording import amount, duration
from studies.language.expansion import at_scale, trials
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale


@pytest.fixture
def progress() -> Progress:
    study, scale = load_study("cnn_to_vit"), load_scale("digits")
    chosen = [item for item in at_scale(study, scale) if item.arm.name in ("ViT-S/16", "ViT-SE")]
    made = [trial for _, trial in trials(chosen, [0])]
    names = {made[0].id: "[/bold] first", made[1].id: "second"}
    return Progress(names, made, {trial.id: 1.0 for trial in made}, io.StringIO())


def printed(progress: Progress) -> str:
    return progress.console.file.getvalue()  # type: ignore[attr-defined]


def test_counts_and_plain_lines_follow_the_events(progress: Progress) -> None:
    first, second = progress.epochs
    assert progress.left() is None
    assert progress.summary() == "0/2 done, 0 running, 2 waiting, 0 failed"
    progress.epoch(first, {"epoch": 1, "top1": 12.5, "seconds": 1.0})
    assert progress.summary().startswith("0/2 done, 1 running, 1 waiting, 0 failed, about")
    progress.done(first, {"top1": 12.5})
    progress.failed(second, "RuntimeError: [why]")
    assert progress.summary() == "1/2 done, 0 running, 0 waiting, 1 failed"
    lines = printed(progress).splitlines()
    assert lines[0].startswith("[1/2] [/bold] first: top-1 12.5 %")
    assert lines[1].startswith("[2/2] second: failed, RuntimeError: [why]")


def test_what_happened_in_an_epoch_is_a_line_with_the_trials_name(progress: Progress) -> None:
    first, _ = progress.epochs
    note = "passed over 1 picture that cannot be read; the first: train/[a].jpg"
    progress.epoch(first, {"epoch": 1, "top1": 12.5, "seconds": 1.0, "notes": [note]})
    progress.epoch(first, {"epoch": 2, "top1": 12.5, "seconds": 1.0})
    assert printed(progress).splitlines() == [f"[/bold] first: {note}"]


def test_what_other_runs_do_and_what_is_stopped_early_is_said(progress: Progress) -> None:
    first, second = progress.epochs
    progress.held_elsewhere([second])
    progress.held_elsewhere([second])
    assert printed(progress).count("waiting for what other runs train: second") == 1
    assert "1 in other runs" in progress.summary()
    progress.epoch(first, {"epoch": 1, "top1": 12.5, "seconds": 1.0})
    progress.pruned(first, 1)
    progress.held_elsewhere([])
    progress.done(second, {"top1": 50.0}, here=False)
    lines = printed(progress).splitlines()
    assert lines[1].startswith("[1/2] [/bold] first: stopped early after epoch 1/4 at top-1 12.5 %")
    assert lines[2].startswith("[2/2] second: top-1 50.0 %, by another run")
    assert progress.summary() == "1/2 done, 0 running, 0 waiting, 0 failed, 1 stopped early"
    assert progress.left() == 0


def test_where_there_is_no_terminal_a_trial_is_told_at_a_sane_rate(progress: Progress) -> None:
    first, second = progress.epochs
    progress.started(first)
    assert progress.summary() == "0/2 done, 1 running, 1 waiting, 0 failed"
    for epoch in (1, 2):  # within EVERY seconds of its last line
        progress.epoch(first, {"epoch": epoch, "top1": 12.5, "seconds": 1.0})
    progress.started(second)
    progress.told[first] -= EVERY
    progress.epoch(first, {"epoch": 3, "top1": 50.0, "seconds": 1.0})
    progress.told[first] -= EVERY
    progress.epoch(first, {"epoch": 4, "top1": 60.0, "seconds": 1.0})  # its last: what follows tells it
    progress.done(first, {"top1": 60.0})
    lines = printed(progress).splitlines()
    assert lines[:3] == ["[/bold] first: started", "second: started", "[/bold] first: epoch 3/4, top-1 50.0 %"]
    assert lines[3].startswith("[1/2] [/bold] first: top-1 60.0 %")
    assert len(lines) == 4


def test_many_trials_at_a_time_print_no_more_than_a_line_a_second(progress: Progress) -> None:
    first = next(iter(progress.epochs))
    progress.running |= {str(i): None for i in range(100)}
    progress.started(first)
    progress.told[first] -= 99
    progress.epoch(first, {"epoch": 1, "top1": 12.5, "seconds": 1.0})
    assert "epoch" not in printed(progress)
    progress.told[first] -= 99
    progress.epoch(first, {"epoch": 2, "top1": 12.5, "seconds": 1.0})
    assert "epoch 2/4" in printed(progress)


def test_a_trial_that_another_run_has_is_not_running_here(progress: Progress) -> None:
    first, _ = progress.epochs
    progress.started(first)
    progress.held_elsewhere([first])
    assert progress.summary() == "0/2 done, 0 running, 2 waiting, 0 failed, 1 in other runs"


def test_the_time_left_is_the_open_work_at_the_pace_so_far(progress: Progress) -> None:
    first, second = progress.epochs
    for trial_id in (first, second):
        progress.epoch(trial_id, {"epoch": 1, "top1": 0.0, "seconds": 1.0})
    progress.start = time.monotonic() - 10  # two of eight epochs took ten seconds
    left = progress.left()
    assert left == pytest.approx(30, abs=1)


def test_the_live_view_draws_names_as_they_are(progress: Progress) -> None:
    first = next(iter(progress.epochs))
    progress.epoch(first, {"epoch": 1, "top1": 12.5, "seconds": 1.0})
    progress.console.print(progress._view())
    assert "[/bold] first" in printed(progress)
    assert "epoch 1/4" in printed(progress)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (112_934, "113 k"),
        (999_700, "1.00 M"),
        (2.15e7, "21.5 M"),
        (4.8e9, "4.80 G"),
    ],
)
def test_counts_are_said_with_three_digits(count: float, text: str) -> None:
    assert amount(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(42, "42 s"), (99.4, "99 s"), (150, "2 min"), (5900, "98 min"), (7500, "2 h 5 min")]
)
def test_durations_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_what_comes_before_the_first_epoch_is_no_measure_of_the_pace(progress: Progress) -> None:
    first = next(iter(progress.epochs))
    progress.start -= 1000  # Ray starts
    progress.epoch(first, {"epoch": 1, "top1": 0.0, "seconds": 2.0})
    assert progress.left() == pytest.approx(14, abs=1), "one of eight epochs took two seconds"


def test_trials_that_come_later_are_counted_from_the_start(progress: Progress) -> None:
    first, second = progress.epochs
    growing = Progress({}, [], {}, io.StringIO(), expected=4)
    recipe = SimpleNamespace(epochs=4)
    assert growing.summary() == "0/4 done, 0 running, 4 waiting, 0 failed"
    growing.add(SimpleNamespace(id=first, recipe=recipe), "candidate 0", 1.0)
    growing.epoch(first, {"epoch": 1, "top1": 12.5, "seconds": 100.0})
    left = growing.left()
    assert left is not None
    assert left == pytest.approx(1500, rel=0.01), "15 epochs of 100 s: three trials are not known yet"
    growing.done(first, {"top1": 12.5})
    growing.add(SimpleNamespace(id=second, recipe=recipe), "candidate 1", 1.0)
    assert growing.summary().startswith("1/4 done, 0 running, 3 waiting, 0 failed")
    assert printed(growing).splitlines()[-1].startswith("[1/4] candidate 0: top-1 12.5 %")
