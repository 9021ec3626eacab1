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
        {"grid": {"backbone.dept": [1]}},
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
