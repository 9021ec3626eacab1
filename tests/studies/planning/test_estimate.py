"""How long trials take: what is asked first, and when the last of several ends."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from searchspace.expand import SpecError
from searchspace.presets import preset
from searchspace.shrink import shrink
from studies.language.expansion import at_scale
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale
from studies.planning import estimate as estimates
from studies.planning.accelerators import STEP_SECONDS, macs_per_second
from studies.planning.estimate import BASES, STARTUP_SECONDS, TRIAL_SECONDS, Estimate, _makespan, estimate, length, work
from studies.store.store import Store
from studies.training.devices import default_device, device_name
from studies.trials.data import Cifar10Spec
from studies.trials.trial import Teacher, TrialSpec

HERE = device_name(default_device())
H100 = "NVIDIA H100 80GB HBM3"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """A calibration sets threads and determinism of this process."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


@pytest.fixture
def store() -> Store:
    return Store(f"memory://{uuid.uuid4().hex}")


@pytest.fixture
def small(tiny: Path) -> TrialSpec:
    """A trial whose calibration takes tenths of a second."""
    scale = load_scale(str(tiny))
    model = shrink(preset("vit_s_16"), scale.shrink, scale.data.img_size, 3, 10)
    return TrialSpec(model=model, data=scale.data, recipe=scale.recipe, seed=0)


def other(trial: TrialSpec, **changes: Any) -> TrialSpec:
    return trial.model_copy(update=changes)


def larger(trial: TrialSpec) -> TrialSpec:
    backbone = trial.model.backbone
    return other(trial, model=trial.model.model_copy(update={"backbone": backbone.model_copy(update={"depth": 3})}))


def trained(store: Store, trial: TrialSpec, seconds: float, device: str = HERE) -> None:
    store.plan(trial)
    store.finish(trial.id, {"top1": 50.0, "history": [], "seconds": seconds, "device": device})


def one(store: Store, trial: TrialSpec, device_type: str | None = None) -> tuple[float, str]:
    """Seconds of a trial and their basis."""
    found = estimate(store, [trial], [trial], 1, device_type)
    return found.seconds[trial.id], found.bases[trial.id]


# What is asked first


def test_earlier_trials_of_any_seed_are_asked_first(store: Store, small: TrialSpec) -> None:
    trained(store, other(small, seed=5), 10.0)
    trained(store, other(small, seed=6), 14.0)
    trained(store, larger(small), 99.0)
    assert one(store, small) == (12.0, "store")
    assert one(store, other(small, seed=7)) == (12.0, "store")


def test_a_trial_on_another_device_says_nothing_of_this_one(store: Store, small: TrialSpec) -> None:
    trained(store, other(small, seed=1), 77.0, H100)
    seconds, basis = one(store, small)
    assert basis == "calibration"
    assert 0 < seconds != 77.0
    assert one(store, small, "h100") == (77.0, "store")


def test_without_earlier_trials_some_steps_are_timed_here(store: Store, small: TrialSpec) -> None:
    found = estimate(store, [small, other(small, seed=1)], [small], 1)
    assert found.bases == {small.id: "calibration", other(small, seed=1).id: "calibration"}
    assert len(set(found.seconds.values())) == 1, "once a model"
    assert found.seconds[small.id] > 0
    assert store.ids() == [], "an estimate keeps nothing"


def test_a_trial_whose_data_are_not_here_is_timed_on_made_up_pictures_and_the_plan_says_so(
    store: Store, small: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STUDIES_DATA", raising=False)
    model = small.model.model_copy(update={"img_size": (32, 32)})
    far = other(small, model=model, data=Cifar10Spec(kind="cifar10"))
    twice = other(far, recipe=far.recipe.model_copy(update={"epochs": 2 * far.recipe.epochs}))
    found = estimate(store, [far, twice], [far, twice], 1)
    assert set(found.bases.values()) == {"made up"}
    assert "made-up pictures" in found.basis([far])
    assert found.seconds[twice.id] / found.seconds[far.id] == pytest.approx(2), "one rate for all"


def test_seconds_of_a_trial_on_several_devices_are_those_of_all_of_them(store: Store, small: TrialSpec) -> None:
    store.plan(small)
    result = {"top1": 50.0, "history": [], "seconds": 10.0, "device": HERE, "devices": 4}
    store.finish(small.id, result)  # type: ignore[arg-type]
    assert one(store, other(small, seed=1)) == (40.0, "store")


def test_a_trial_with_a_teacher_is_timed_without_its_teacher_being_there(store: Store, small: TrialSpec) -> None:
    child = other(small, teacher=Teacher(trial="0" * 16), pretrained="1" * 16)
    seconds, basis = one(store, child)
    assert basis == "calibration" and seconds > 0
    trained(store, small, 10.0)
    assert one(store, child)[1] == "calibration", "a teacher takes time"
    trained(store, other(child, seed=1, teacher=Teacher(trial="2" * 16)), 20.0)
    assert one(store, child) == (20.0, "store"), "which teacher it is does not matter"


def test_elsewhere_the_rate_of_earlier_trials_comes_before_a_guess(store: Store, small: TrialSpec) -> None:
    by_peak = one(store, small, "h100")
    steps = small.recipe.epochs * (small.data.train_size // small.recipe.batch_size)
    assert by_peak == (pytest.approx(max(work(small) / macs_per_second("h100"), steps * STEP_SECONDS)), "peak")
    seen = larger(small)
    trained(store, seen, 8.0, H100)
    trained(store, other(seen, seed=1), 10.0, H100)
    trained(store, other(seen, seed=2), 500.0, H100)  # once, the disk was slow
    assert one(store, small, "h100") == (pytest.approx(10.0 * work(small) / work(seen)), "rate")
    assert one(store, seen, "h100") == (pytest.approx(518 / 3), "store")
    assert one(store, small, "a100")[1] == "peak", "another device says nothing"


def test_a_device_type_of_which_nothing_is_known_is_refused_until_the_store_knows(
    store: Store, small: TrialSpec
) -> None:
    with pytest.raises(SpecError, match="no figures for --device-type mi300x"):
        one(store, small, "mi300x")
    trained(store, larger(small), 9.0, "AMD Instinct MI300X")
    assert one(store, small, "mi300x")[1] == "rate"


def test_this_machine_by_its_type_is_timed(store: Store, small: TrialSpec) -> None:
    assert one(store, small, HERE)[1] == "calibration"


def test_what_is_damaged_or_not_done_says_nothing(store: Store, small: TrialSpec) -> None:
    again = other(small, seed=1)
    trained(store, again, 10.0, H100)
    store.fail(other(small, seed=2).id, "why")
    for name in ("result.json", "trial.json"):
        kept = store.files.read(f"trials/{again.id}/{name}")
        store.files.write(f"trials/{again.id}/{name}", b"{")
        assert one(store, small, "h100")[1] == "peak"
        store.files.write(f"trials/{again.id}/{name}", kept)
    assert one(store, small, "h100") == (10.0, "store")


def test_time_grows_with_the_work(small: TrialSpec) -> None:
    recipe = small.recipe
    assert work(larger(small)) > work(small)
    twice = other(small, recipe=recipe.model_copy(update={"epochs": 2 * recipe.epochs}))
    assert work(twice) == pytest.approx(2 * work(small))
    looked_less = other(small, recipe=recipe.model_copy(update={"interim_test": 8}))
    assert work(looked_less) < work(small)
    assert work(other(small, seed=9)) == work(small)


def test_many_small_operators_take_long_and_many_multiply_adds_too() -> None:
    scale, plan = load_scale("digits"), {}
    for item in at_scale(load_study("cnn_to_vit"), scale):
        if item.model is not None:
            plan[item.arm.name] = TrialSpec(model=item.model, data=scale.data, recipe=scale.recipe, seed=0)
    times = {name: length(trial) for name, trial in plan.items()}
    assert min(times, key=times.__getitem__) == "ViT-SW", "one layer"
    assert times["T2T-ViT-Ghost"] > times["ViT-S/16"], "of fewer layers, with twice the multiply-adds"
    assert times["T2T-ViT-14"] > times["ViT-DN"], "its tokenizer has layers too"
    assert times["ResNet50"] > times["ViT-S/16"]
    whole = TrialSpec(model=preset("t2t_vit_14"), data=Cifar10Spec(kind="cifar10"), recipe=scale.recipe, seed=0)
    assert length(whole) == pytest.approx(work(whole), rel=0.02), "layers of full size are their multiply-adds"


# In all


def test_only_what_is_missing_takes_time(store: Store, small: TrialSpec) -> None:
    trials = [other(small, seed=seed) for seed in range(4)]
    trained(store, trials[0], 10.0)
    found = estimate(store, trials, trials[1:], 2)
    assert found.seconds == {trial.id: 10.0 for trial in trials}
    assert found.device_seconds == 30.0
    assert found.wall_seconds == pytest.approx(2 * (10.0 + TRIAL_SECONDS) + STARTUP_SECONDS)
    nothing = estimate(store, trials, [], 2)
    assert (nothing.device_seconds, nothing.wall_seconds) == (0.0, 0.0)


def test_the_basis_is_told_in_words_the_surest_first(small: TrialSpec) -> None:
    a, b, c = (other(small, seed=seed) for seed in range(3))
    found = Estimate({}, {a.id: "peak", b.id: "store", c.id: "store"}, 0.0, 0.0)
    assert found.basis([a, b, c]) == f"{BASES['store']} and {BASES['peak']}"
    assert found.basis([b, c]) == BASES["store"]


DURATIONS = st.lists(st.integers(0, 1000).map(float), max_size=12)  # whole, so that sums are exact
JOBS = st.integers(1, 15)


@settings(deadline=None)
@given(DURATIONS, JOBS)
def test_the_last_ends_no_sooner_than_it_can_and_no_later_than_one_by_one(seconds: list[float], jobs: int) -> None:
    end, total, longest = _makespan(seconds, jobs), sum(seconds), max(seconds, default=0.0)
    assert end >= longest
    assert end * jobs >= total
    assert end <= total
    assert end <= total / jobs + longest * (1 - 1 / jobs) + 1e-9, "Graham's bound: no device idles while one waits"


@settings(deadline=None)
@given(DURATIONS, JOBS)
def test_the_order_does_not_matter(seconds: list[float], jobs: int) -> None:
    end = _makespan(seconds, jobs)
    assert _makespan(seconds[::-1], jobs) == end
    assert _makespan(seconds, 1) == sum(seconds)
    if jobs >= len(seconds):
        assert end == max(seconds, default=0.0)


def test_the_longest_begins_first() -> None:
    assert _makespan([1.0, 1.0, 1.0, 3.0], 2) == 3.0
    assert _makespan([], 4) == 0.0
    assert _makespan([2.0, 3.0], 0) == 5.0


def test_a_calibration_takes_a_few_steps_whatever_the_trial(
    small: TrialSpec, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studies.training import trainer as train

    steps = []
    real = train.Trainer.train_steps
    monkeypatch.setattr(train.Trainer, "train_steps", lambda self, n, *a: steps.append(n) or real(self, n, *a))
    long = other(small, recipe=small.recipe.model_copy(update={"epochs": 1000, "batch_size": 2}))
    seconds, _ = one(store, long)
    assert sum(steps) <= estimates.STEPS
    short = other(small, recipe=small.recipe.model_copy(update={"batch_size": small.data.train_size}))
    assert one(store, short)[0] > 0, "an epoch of one step"
    assert seconds > 0
