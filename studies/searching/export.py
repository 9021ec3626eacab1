"""A Pareto set as a study file that runs."""

import os
from collections.abc import Sequence
from pathlib import Path

import yaml

from searchspace.expand import SpecError, differences
from searchspace.presets import preset
from searchspace.spec import to_dict
from studies.searching.definition import Definition
from studies.searching.outcome import Found


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be written to, before anything is trained.

    Raises:
        SpecError: if it is a file, or lies below one.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise SpecError(f"--export {folder}: {there} is no folder")


def export(folder: Path, name: str, definition: Definition, scale: str, found: Sequence[Found]) -> Path:
    """Write a study of the base and the Pareto set, and its scale's name; the file's path is returned.

    Args:
        scale: its name, or the path of its file.
        found: the Pareto set.

    Raises:
        SpecError: if it cannot be written.
    """
    base = to_dict(preset(definition.base))
    arms: dict[str, dict[str, object]] = {definition.base: {}}
    arms |= {f"candidate {one.number}": differences(to_dict(one.model), base) for one in found}
    content = {
        "study": f"{name}_pareto",
        "question": f"The Pareto set of the search {name} over {' and '.join(definition.objectives)}.",
        # A file is looked for beside the study file that names it.
        "scale": os.path.relpath(scale, folder) if scale.endswith((".yaml", ".yml")) else scale,
        "base": definition.base,
        "arms": arms,
    }
    path = folder / f"{name}.yaml"
    lines = [f"#   candidate {one.number}: {one.top1:.1f} %, {one.params:,} params, {one.macs:,} MACs" for one in found]
    head = [
        f"# What the search {name} found. Run:  studies run {path.name}",
        "# Accuracy on its validation pictures at the scale, params and MACs at full size:",
        *lines,
    ]
    text = yaml.safe_dump(content, sort_keys=False, width=1000, allow_unicode=True, default_flow_style=None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*head, text]))
    except OSError as error:
        raise SpecError(f"--export {folder}: {path}: {error.strerror or error}") from None
    return path
