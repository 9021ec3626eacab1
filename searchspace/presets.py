"""Named specs, read from `presets.yaml`."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from searchspace.expand import SpecError, checked, nearest, override
from searchspace.spec import ModelSpec

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as Loader  # type: ignore[assignment]


@cache
def _table() -> dict[str, dict[str, Any]]:
    return yaml.load(Path(__file__).with_name("presets.yaml").read_text(), Loader)


def names() -> list[str]:
    """All preset names, in the file's order."""
    return list(_table())


def preset(name: str) -> ModelSpec:
    """The spec of a preset.

    Raises:
        SpecError: if there is none of that name (with the nearest names).
    """
    if not isinstance(name, str) or name not in _table():
        raise SpecError(f"unknown preset {name!r}{nearest(str(name), names())}")
    return _preset(name)


def lineage(name: str) -> list[str]:
    """A preset and those that it is based on, from the last one on: `[t2t_vit_14, t2t_vit_19, t2t_vit_t_19]`."""
    base = _table()[name].get("base")
    return [*(lineage(base) if base else ()), name]


@cache
def _preset(name: str) -> ModelSpec:
    entry = dict(_table()[name])
    base = entry.pop("base", None)
    return override(preset(base), entry) if base else checked(entry)
