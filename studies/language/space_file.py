"""Space files: those that ship, by name, and a user's, by path. No torch here."""

from pathlib import Path

from searchspace.expand import SpecError, nearest
from searchspace.space import FOLDER, Space, space_names
from studies.language.yaml_file import YamlFile


def load_space(name: str) -> Space:
    """A space by name, or a file of the user's by path.

    Raises:
        SpecError: if there is none of that name (with the nearest names), or its file is wrong.
    """
    if name in space_names():
        return YamlFile(FOLDER / f"{name}.yaml").validate(Space)
    if not name.endswith((".yaml", ".yml")):
        raise SpecError(
            f"unknown space {name!r}{nearest(name, space_names())}; a file of yours is named with its .yaml"
        )
    return YamlFile(Path(name)).validate(Space)
