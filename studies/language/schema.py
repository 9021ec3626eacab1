"""The JSON Schema of study files, with the fields that an arm may change."""

import re
from typing import Any

from pydantic import BaseModel

from searchspace import presets
from searchspace.expand import holds_list, inner_models
from searchspace.spec import CnnSpec, TransformerSpec
from studies.language.study_file import Started, StudyFile, Taught
from studies.trials.data import DATA_KINDS
from studies.trials.recipe import Recipe

FREE = r"^(args|widths|depths)\."  # arguments of a timm or torchvision model, whatever it takes
PLACE = "<n>"  # a number, of what is in a list


def schema() -> dict[str, Any]:
    """What an editor needs to complete and check a study file."""
    made = StudyFile.model_json_schema()
    taught = Taught.model_json_schema()
    found = paths() | paths((Recipe,), "recipe.") | paths(DATA_KINDS, "data.")
    fields = {path: {"description": text} for path, text in sorted(found.items()) if PLACE not in path}
    listed = {_pattern(path): {"description": text} for path, text in sorted(found.items()) if PLACE in path}
    of_library = {
        "type": "object",
        "properties": {name: {} for name in sorted(paths((CnnSpec,)))},
        "patternProperties": {FREE: {}},
        "required": ["library", "name"],
        "additionalProperties": False,
    }
    arm = {
        "base": {
            "anyOf": [{"enum": presets.names()}, of_library],
            "description": "preset that this arm starts from, or a model of a library: {library: timm, name: resnet18}",
        },
        "stage": {"type": "string", "description": "of the scale, that this arm is trained at"},
        "teacher": {"anyOf": [{"type": "string"}, taught], "description": "what teaches this arm"},
        "pretrained": {
            "anyOf": [{"type": "string"}, Started.model_json_schema()],
            "description": "whose weights this one starts with",
        },
    }
    for holder in (made, made["$defs"]["Group"]):
        holder["properties"]["base"]["enum"] = presets.names()
        entry = holder["properties"]["arms"]["additionalProperties"]["anyOf"][0]
        entry |= {"properties": arm | fields, "patternProperties": {FREE: {}} | listed}
        entry |= {"additionalProperties": False}
        for generator in ("ablate", "add_one", "grid", "zip"):
            patterns = [{"pattern": pattern} for pattern in (FREE, *listed)]
            holder["properties"][generator]["propertyNames"] = {"anyOf": [{"enum": sorted(fields)}, *patterns]}
    made["$defs"]["Space"]["required"] = ["knobs"]  # in a study file its name and base are the study's
    return made


def paths(models: tuple[type[BaseModel], ...] = (TransformerSpec, CnnSpec), prefix: str = "") -> dict[str, str]:
    """Every dotted field of a model, and what it says of itself; `<n>` stands for a place in a list."""
    found: dict[str, str] = {}
    for model in models:
        for name, field in model.model_fields.items():
            found.setdefault(f"{prefix}{name}", field.description or "")
            below = f"{prefix}{name}.{PLACE}." if holds_list(field.annotation) else f"{prefix}{name}."
            found |= paths(tuple(inner_models(field.annotation)), below)
    return found


def _pattern(path: str) -> str:
    """A regular expression of a dotted field with places in lists."""
    return f"^{re.escape(path).replace(re.escape(PLACE), '[0-9]+')}$"
