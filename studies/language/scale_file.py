"""Scale files: those that ship, by name, and a user's, by path; and their stages. No torch here."""

from pathlib import Path

from searchspace.expand import SpecError, nearest
from studies.language.study import Arm
from studies.language.variants import changes_of_scale
from studies.language.yaml_file import YamlFile
from studies.trials.scale import Scale, changed

FOLDER = Path(__file__).with_name("scales")


def names() -> list[str]:
    """All scales that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_scale(name: str) -> Scale:
    """A scale by name, or a file of the user's by path; each of its stages is checked.

    Raises:
        SpecError: if there is none of that name (with the nearest names), or its file is wrong.
    """
    file, scale = _read(name)
    for stage in scale.stages:
        try:
            at_stage(scale, stage)
        except SpecError as error:
            blamed = [key for key in scale.stages[stage] if error.blames(key) or key.startswith(f"{error.where}.")]
            key = next(iter(blamed), "scale")
            raise file.error(("stages", stage, key), f"stage {stage}: {error}", error.kind) from None
    return scale


def at_stage(scale: Scale, stage: str, preset: str = "") -> Scale:
    """A scale as one of its stages changes it, or another scale, if the stage names one.

    What the scale says of a preset is changed by the stage too.

    Raises:
        SpecError: if it has no such stage, or the stage cannot be.
    """
    if stage not in scale.stages:
        raise SpecError(f"scale {scale.scale} has no stage {stage!r}{nearest(stage, scale.stages)}", "stage")
    changes = dict(scale.stages[stage])
    other = changes.pop("scale", None)
    of_scale, rest = changes_of_scale(changes)
    if rest:
        unknown = next(iter(rest))
        hint = nearest(unknown, ("scale", *(f"{part}." for part in of_scale)))
        raise SpecError(f"unknown field {unknown!r}; a stage changes data and recipe, or names a scale{hint}", unknown)
    if other is not None and not isinstance(other, str):
        raise SpecError(f"scale: the name or the path of a scale, got {other!r}", "scale")
    return changed(for_preset(scale if other is None else _read(other)[1], preset), **of_scale)


def own_scale(arm: Arm, scale: Scale) -> Scale:
    """The scale as an arm has it: with what it says of the arm's preset, at the stage that the arm asks for, then with
    what the arm says itself of data and recipe.

    Raises:
        SpecError: if the scale has no such stage, or the arm's changes cannot be made.
    """
    own = at_stage(scale, arm.stage, arm.preset) if arm.stage else for_preset(scale, arm.preset)
    return changed(own, arm.data, arm.recipe)


def for_preset(scale: Scale, preset: str) -> Scale:
    """A scale as arms have it that start from a preset, or from none."""
    return changed(scale, {}, scale.recipe_of(preset)) if preset else scale


def _read(name: str) -> tuple[YamlFile, Scale]:
    """A scale and its file; its stages are not looked at, as they may name scales whose stages name this one."""
    if name in names():
        file = YamlFile(FOLDER / f"{name}.yaml")
    elif name.endswith((".yaml", ".yml")):
        file = YamlFile(Path(name))
    else:
        raise SpecError(f"unknown scale {name!r}{nearest(name, names())}; a file of yours is named with its .yaml")
    _find_scales(file)
    scale = file.validate(Scale)
    if name not in names() and scale.scale in names() and scale != _read(scale.scale)[1]:
        text = f"scale: {scale.scale!r} is the name of a scale that ships, whose results this one's would be taken for"
        raise file.error(("scale",), f"{text}; give yours another name")
    return file, scale


def _find_scales(file: YamlFile) -> None:
    """Scales that are files of the user's are looked for beside the file whose stages name them."""
    stages = file.data.get("stages")
    for changes in stages.values() if isinstance(stages, dict) else ():
        other = changes.get("scale") if isinstance(changes, dict) else None
        if isinstance(other, str) and other.endswith((".yaml", ".yml")):
            changes["scale"] = str(file.path.parent / other)
