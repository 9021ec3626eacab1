"""The studies that ship: a YAML file each."""

from pathlib import Path

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The studies that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))
