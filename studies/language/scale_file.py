"""Scale files: those that ship, by name, and a user's, by path. No torch here."""

from pathlib import Path

from searchspace.expand import SpecError, nearest
from studies.language.study import Arm
from studies.language.yaml_file import YamlFile
from studies.trials.scale import Scale, changed

FOLDER = Path(__file__).with_name("scales")


def names() -> list[str]:
    """All scales that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_scale(name: str) -> Scale:
    """A scale by name, or a file of the user's by path.

    Raises:
        SpecError: if there is none of that name (with the nearest names), or its file is wrong.
    """
    if name in names():
        return YamlFile(FOLDER / f"{name}.yaml").validate(Scale)
    if name.endswith((".yaml", ".yml")):
        file = YamlFile(Path(name))
        scale = file.validate(Scale)
        if scale.scale in names() and scale != load_scale(scale.scale):
            text = (
                f"scale: {scale.scale!r} is the name of a scale that ships, whose results this one's would be taken for"
            )
            raise file.error(("scale",), f"{text}; give yours another name")
        return scale
    raise SpecError(f"unknown scale {name!r}{nearest(name, names())}; a file of yours is named with its .yaml")


def own_scale(arm: Arm, scale: Scale) -> Scale:
    """The scale as an arm has it: with what it says of the arm's preset, then with what the arm says itself.

    Raises:
        SpecError: if the changes cannot be made.
    """
    return changed(scale, arm.data, scale.recipe_of(arm.preset) | dict(arm.recipe))
