"""Ids outlive new fields; what a newer version wrote is not damaged."""

import json
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from support import Studies, one_line

from searchspace.added import Added
from searchspace.expand import inner_models
from searchspace.identity import added_fields, hashed
from searchspace.spec import CnnSpec, Spec
from studies.store.errors import NewerError
from studies.store.files import StoreError
from studies.store.records import dump
from studies.store.root import FORMAT
from studies.store.store import Store
from studies.store.verification import problems
from studies.trials.data import Cifar10Spec
from studies.trials.identity import canonical, digest
from studies.trials.recipe import Recipe
from studies.trials.trial import TrialSpec

HERE = Path(__file__).parent
PLAIN = json.loads((HERE / "trial.json").read_text())
ID = (HERE / "trial.id").read_text().strip()
# Every field that was added after schema 2 began, the version that added it, and the default that it is hashed against.
# A row here never changes: a field that is added later adds one.
ADDED = {
    "semantics": ("0.2.0", 1),
    "model.backbone.stages": ("0.3.0", None),
    "teacher.model.backbone.stages": ("0.3.0", None),
    "data.first_class": ("0.3.0", 0),
    "data.validation": ("0.3.0", None),
    "data.per_picture": ("0.4.0", 1),
    "data.clutter": ("0.4.0", 0),
    "recipe.opt": ("0.3.0", "adamw"),
    "recipe.momentum": ("0.3.0", 0.9),
    "recipe.warmup_lr": ("0.3.0", None),
    "recipe.warmup_prefix": ("0.3.0", True),
    "recipe.cooldown_fraction": ("0.3.0", 0.0),
    "recipe.backbone_lr_scale": ("0.3.0", 1.0),
    "recipe.amp": ("0.3.0", False),
    "recipe.augment": ("0.3.0", None),
    "recipe.ema": ("0.3.0", None),
}
# Every other field is hashed always: one more here would change every id. Give it `Added` instead.
FIRST = json.loads((HERE / "first_fields.json").read_text())


def first_fields(model: type[BaseModel], prefix: str = "") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        if not any(isinstance(mark, Added) for mark in field.metadata):
            found.add(f"{prefix}{name}")
            for inner in inner_models(field.annotation):
                found |= first_fields(inner, f"{prefix}{name}.")
    return found


def test_defaults_of_added_fields_are_those_that_they_were_added_with() -> None:
    assert {name: (mark.version, mark.default) for name, mark in added_fields(TrialSpec)} == ADDED


def test_no_field_joins_those_that_are_always_hashed() -> None:
    assert sorted(first_fields(TrialSpec)) == FIRST


def test_an_id_is_that_of_the_first_version() -> None:
    assert TrialSpec.model_validate(PLAIN).id == ID
    assert digest(canonical(PLAIN)) == ID, "and the hash is of the record itself"


def test_semantics_is_hashed_only_where_it_is_raised() -> None:
    trial = TrialSpec.model_validate(PLAIN)
    assert trial.model_copy(update={"semantics": 1}).id == ID
    assert trial.model_copy(update={"semantics": 2}).id != ID


class Later(Recipe):
    """Next year's recipe."""

    accumulate: Annotated[int, Added("9.0.0", 1)] = 1
    mixup: Annotated[float | None, Added("9.0.0", None)] = 0.8  # its default changed after it was added


class LaterInside(Spec):
    """Specs in lists and mappings."""

    recipes: list[Later]
    named: dict[str, Later] = Field({})


def test_adding_a_field_keeps_what_is_hashed() -> None:
    plain = PLAIN["recipe"]
    before = hashed(Recipe(**plain))
    assert hashed(Later(**plain, mixup=None)) == before
    assert hashed(Later(**plain)) == before | {"mixup": 0.8}, "what differs from the frozen default is hashed"
    assert hashed(Later(**plain, mixup=None, accumulate=4)) == before | {"accumulate": 4}
    later = Later(**plain, mixup=None)
    assert hashed(LaterInside(recipes=[later], named={"a": later})) == {"recipes": [before], "named": {"a": before}}


@given(st.integers(1, 9), st.none() | st.floats(0, 1))
def test_what_is_hashed_tells_any_two_values_apart(accumulate: int, mixup: float | None) -> None:
    first, second = Later(**PLAIN["recipe"]), Later(**PLAIN["recipe"], accumulate=accumulate, mixup=mixup)
    assert (hashed(first) == hashed(second)) == (first == second)


def test_a_newer_kind_of_data_leaves_ids_alone() -> None:
    cifar = TrialSpec.model_validate(PLAIN).model_copy(update={"data": Cifar10Spec(kind="cifar10")})
    assert cifar.id != ID
    assert TrialSpec.model_validate(cifar.content()) == cifar


def written(store: Store, **changes: Any) -> str:
    """A trial as a version that knows more fields would write it, done."""
    content = PLAIN | {"recipe": PLAIN["recipe"] | changes}
    trial_id = digest(canonical(content))
    store.files.write(f"trials/{trial_id}/trial.json", dump(content))
    store.files.write(f"trials/{trial_id}/result.json", dump({"top1": 50.0, "history": [], "device": "later"}))
    return trial_id


def test_a_record_with_an_unknown_field_is_of_a_newer_version_and_not_damaged(tmp_path: Path) -> None:
    store = Store(tmp_path)
    trial_id = written(store, mixup=0.8)
    with pytest.raises(NewerError, match=r"written by a newer version of t2t-studies.* its field recipe\.mixup"):
        store.trial(trial_id)
    assert store.state(trial_id) == "done"
    assert problems(store, trial_id) == []
    assert store.seeds() == {0}, "and its seed is known all the same"


def test_a_record_with_a_value_that_is_refused_now_is_of_another_version_and_not_damaged(tmp_path: Path) -> None:
    store = Store(tmp_path)
    trial_id = written(store, clip_grad=0.0)
    with pytest.raises(NewerError, match=r"another version .* refuses: recipe\.clip_grad: .* got 0\.0"):
        store.trial(trial_id)
    assert store.state(trial_id) == "done"
    assert problems(store, trial_id) == []


def test_a_record_with_a_wrong_value_is_damaged(tmp_path: Path) -> None:
    store = Store(tmp_path)
    trial_id = written(store)
    store.files.write(f"trials/{trial_id}/trial.json", dump(PLAIN | {"recipe": PLAIN["recipe"] | {"lr": -1.0}}))
    with pytest.raises(StoreError, match=r"damaged: recipe\.lr: a number above 0 and up to 1000, got -1\.0"):
        store.trial(trial_id)


def test_commands_show_what_a_newer_version_wrote(studies: Studies, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    store.prepare()
    trial_id = written(store, mixup=0.8)
    (row,) = json.loads(studies("store", "ls", "--json").stdout)
    assert (row["trial"], row["status"]) == (trial_id, "newer")
    assert studies("store", "verify").returncode == 0
    line = one_line(studies("store", "show", trial_id))
    assert "written by a newer version" in line


def test_a_store_of_a_newer_format_is_refused_and_one_of_today_is_read(studies: Studies, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "store.json").write_text('{"format": 99}')
    assert f"newer version of t2t-studies (format 99, this one knows {FORMAT})" in one_line(studies("store", "ls"))
    (runs / "store.json").write_text('{"schema_version": 2}')
    assert studies("store", "ls").returncode == 0


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"args": {"pretrained": True}}, "pretrained would read weights"),
        ({"args": {"checkpoint_path": "a.pth"}}, "checkpoint_path would read weights"),
        ({"name": "hf-hub:timm/resnet50.a1_in1k"}, "names a model of a hub"),
        ({"library": "torchvision", "args": {"weights": "DEFAULT"}}, "weights would read weights"),
    ],
)
def test_a_network_of_a_library_that_would_fetch_weights_is_refused(changes: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        CnnSpec(**({"library": "timm", "name": "resnet50"} | changes))
