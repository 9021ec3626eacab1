"""What is left to train."""

import json
from pathlib import Path

import pytest
from chains import CHAIN, DIGITS
from support import Studies, StudyFile, one_line

from studies.language.expansion import at_scale, trials
from studies.language.resolve import parse
from studies.planning.plan import Plan, make_plan
from studies.store.store import Store

# ---- what is left to train


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    store.prepare()
    return store


@pytest.fixture
def plan(study_file: StudyFile, store: Store) -> Plan:
    """One seed of a chain: a teaches b, c starts from b; another arm stands alone."""
    study = parse(study_file(arms=CHAIN))
    return Plan(study, DIGITS, store, list(trials(at_scale(study, DIGITS), (0,))), [])


def finish(plan: Plan, *names: str, weights: bytes | None = b"weights") -> None:
    for arm, trial in plan.arms:
        if arm.name in names:
            plan.store.plan(trial)
            plan.store.finish(trial.id, {"top1": 1.0, "history": []}, weights)


def lose(plan: Plan, *names: str) -> None:
    """Remove the weights of finished trials, and nothing else."""
    for arm, trial in plan.arms:
        if arm.name in names:
            Path(plan.store.folder(trial.id), "weights.safetensors").unlink()


def missing(plan: Plan) -> list[str]:
    names = {trial.id: arm.name for arm, trial in plan.arms}
    return [names[trial.id] for trial in plan.missing]


def test_what_is_done_and_has_its_weights_is_not_trained_again(plan: Plan) -> None:
    assert missing(plan) == ["a", "b", "c", "alone"]
    finish(plan, "a", "alone")
    assert missing(plan) == ["b", "c"]
    finish(plan, "b", "c")
    assert missing(plan) == []


def test_a_parent_whose_weights_are_gone_is_trained_again_where_it_is_needed(plan: Plan) -> None:
    finish(plan, "a", "b", "alone")
    lose(plan, "b", "alone")
    assert missing(plan) == ["b", "c"], "b's own teacher has its weights, and nobody needs those of `alone`"
    lose(plan, "a")
    assert missing(plan) == ["a", "b", "c"], "b is trained again and needs a"


def test_weights_that_nobody_waits_for_may_be_gone(plan: Plan) -> None:
    finish(plan, "a", "b", "c", "alone")
    lose(plan, "a", "b", "c", "alone")
    assert missing(plan) == []


def test_a_parent_that_was_kept_without_weights_or_with_changed_ones_is_trained_again(plan: Plan) -> None:
    finish(plan, "a", weights=None)
    finish(plan, "b")
    assert missing(plan) == ["c", "alone"]
    trial = next(trial for arm, trial in plan.arms if arm.name == "b")
    Path(plan.store.folder(trial.id), "weights.safetensors").write_bytes(b"other")
    assert missing(plan) == ["a", "b", "c", "alone"]


def test_a_plan_of_one_arm_has_the_trials_that_it_needs(study_file: StudyFile, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    plan = make_plan(study_file(arms=CHAIN), None, [4], ["c"], False, store)
    assert [(arm.name, trial.seed) for arm, trial in plan.arms] == [("a", 4), ("b", 4), ("c", 4)]
    assert sorted(plan.names.values()) == ["a, seed 4", "b, seed 4", "c, seed 4"]


@pytest.mark.slow
def test_a_pretrained_model_of_another_family_is_refused_by_the_plan(study_file: StudyFile, studies: Studies) -> None:
    study = study_file(arms={"a": {}, "b": {"base": "resnet50", "pretrained": "a"}})
    line = one_line(studies("plan", str(study), "--seeds", "2"))
    assert line.startswith(f"studies: {study}:")
    assert " b: pretrained: a: the pretrained model has tensors of the same name and shape for 0." in line


@pytest.mark.slow
def test_a_plan_shows_who_waits_for_whom(study_file: StudyFile, studies: Studies, tiny: Path) -> None:
    other = {"study": "t2t_ablation", "arm": "T2T-ViT_t-14", "scale": tiny.name}
    arms = CHAIN | {"twice": {"teacher": "alone", "pretrained": other}}
    where = (str(study_file(arms=arms, seeds=2)), "--scale", str(tiny))
    (title, *_), *rows = (line.split("planned") for line in studies("plan", *where).stdout.splitlines()[2:])
    assert title.rstrip().endswith("waits for")
    ends = [row[1].strip() for row in rows if len(row) == 2]
    elsewhere = f"T2T-ViT_t-14 of t2t_ablation at {tiny}"
    assert ends == ["", "a", "b", "", f"alone, {elsewhere}", ""]
    trials = json.loads(studies("plan", *where, "--json").stdout)["trials"]
    assert {row["arm"]: row["waits_for"] for row in trials if row["seed"] == 1}["c"] == ["b"]
    alone = studies("plan", str(study_file()), "--scale", str(tiny)).stdout
    assert "waits for" not in alone, "where nobody does"


@pytest.mark.parametrize(("ema", "said"), [("{decay: 0.8}", True), ("{decay: 0.8, warmup: true}", False)])
def test_a_plan_warns_of_an_average_over_much_of_the_run(
    ema: str, said: bool, study_file: StudyFile, store: Store, tiny: Path
) -> None:
    tiny.write_text(tiny.read_text().replace("recipe:", f"recipe:\n  ema: {ema}"))
    found = make_plan(study_file(), str(tiny), None, (), False, store).cautions
    assert ["averages over 5 of 8 steps" in line for line in found] == [True] * said
