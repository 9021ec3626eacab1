"""What an id is."""

import json

import pytest
from stores import HERE, small

from studies.trials.recipe import Recipe
from studies.trials.trial import SCHEMA_VERSION, Teacher, TrialSpec


@pytest.fixture
def trial() -> TrialSpec:
    return small()


def test_an_id_is_a_function_of_all_that_changes_the_result(trial: TrialSpec) -> None:
    again = TrialSpec.model_validate(json.loads(trial.model_dump_json()))
    assert again.id == trial.id
    recipe = Recipe.model_validate(trial.recipe.model_dump() | {"lr": 0.001})
    model = trial.model.model_copy(update={"num_classes": 11})
    changed = [
        {"seed": 1},
        {"recipe": recipe},
        {"model": model},
        {"pretrained": "0" * 16},
        {"pretrained": "1" * 16},
        {"teacher": Teacher(trial="0" * 16)},
        {"teacher": Teacher(trial="0" * 16, tau=2.0)},
    ]
    assert len({trial.id, *(trial.model_copy(update=change).id for change in changed)}) == 1 + len(changed)


def test_a_changed_copy_has_an_id_of_its_own(trial: TrialSpec) -> None:
    before = trial.id  # remembered from here on
    changed = trial.model_copy(update={"seed": trial.seed + 1})
    assert changed.id != before
    assert changed.model_copy(update={"seed": trial.seed}).id == trial.id == before
    assert changed.model_copy(update={"seed": trial.seed}) == trial


def test_an_id_does_not_change_from_one_version_to_the_next() -> None:
    # A change here orphans the trials in every store: raise SCHEMA_VERSION only with a migration.
    content = json.loads((HERE / "trial.json").read_text())
    plain = TrialSpec.model_validate(content)
    assert plain.content() == content, "every field of the first version is written out"
    assert plain.id == (HERE / "trial.id").read_text().strip()
    assert plain.schema_version == SCHEMA_VERSION


def test_a_trial_needs_each_of_its_parents_once(trial: TrialSpec) -> None:
    a, b = "a" * 16, "b" * 16
    assert trial.needs == []
    assert trial.model_copy(update={"pretrained": a}).needs == [a]
    assert trial.model_copy(update={"teacher": Teacher(trial=a), "pretrained": b}).needs == [a, b]
    assert trial.model_copy(update={"teacher": Teacher(trial=a), "pretrained": a}).needs == [a]
