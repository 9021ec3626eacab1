"""`studies schema`: what editors complete and check."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from studies.language import catalog
from studies.language.schema import schema

EXAMPLES = Path(__file__).parents[3] / "examples"
FILES = [*sorted(catalog.FOLDER.glob("*.yaml")), *sorted(EXAMPLES.glob("*.yaml"))]
VALIDATOR = jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_study_file_is_valid_under_the_schema(path: Path) -> None:
    assert list(VALIDATOR.iter_errors(yaml.safe_load(path.read_text()))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"arm": {}},
        {"base": "t2t_vit_1"},
        {"arms": {"a": {"backbone.dept": 3}}},
        {"arms": {"a": {"teacher": {"arm": "b", "knid": "soft"}}}},
        {"arms": {"a": {"base": "nothing"}}},
        {"arms": {"a": {"base": {"library": "timm"}}}},
        {"arms": {"a": {"base": {"library": "timm", "name": "resnet18", "nmae": 3}}}},
        {"arms": {"a": {"stage": 3}}},
        {"grid": {"backbone.dept": [1]}},
        {"arms": {"a": {"backbone.stages.0.mlp_rate": 3}}},
        {"grid": {"backbone.stages.x.mlp_ratio": [1]}},
        {"match": {"macs": 3}},
    ],
)
def test_what_is_misspelt_is_not(change: dict) -> None:
    good = {"study": "s", "base": "t2t_vit_14", "arms": {"a": {}}}
    assert list(VALIDATOR.iter_errors(good)) == []
    assert list(VALIDATOR.iter_errors(good | change))


def test_arguments_of_other_libraries_models_are_free() -> None:
    arms = {"a": {"base": "resnet50", "args.cardinality": 32, "teacher": "b"}, "b": None}
    assert list(VALIDATOR.iter_errors({"study": "s", "base": "resnet50", "arms": arms})) == []


def test_fields_of_a_stage_of_layers_are_known_by_its_place() -> None:
    arms = {"a": {"backbone.stages": [{"depth": 4}, {"mlp_ratio": 2}]}, "b": {"backbone.stages.1.mlp_ratio": 4}}
    ablate = {"backbone.stages.12.attention": ["ghost"]}
    assert list(VALIDATOR.iter_errors({"study": "s", "base": "resnet50", "arms": arms, "ablate": ablate})) == []


def test_a_stage_a_librarys_model_and_a_teacher_by_its_name_are_known() -> None:
    teacher = {"file": "w.pth", "sha256": "0" * 64, "model": {"library": "timm", "name": "regnety_160"}}
    base = {"library": "timm", "name": "test_vit", "args.img_size": 16, "min_size": 16}
    arms = {"a": {"base": base, "stage": "larger"}, "b": {"teacher": teacher}}
    assert list(VALIDATOR.iter_errors({"study": "s", "base": "resnet50", "arms": arms})) == []
