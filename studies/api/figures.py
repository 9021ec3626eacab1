"""Kinds of figures of a study, and the file that one is written to. No matplotlib until one is drawn.

A kind is a function of what is asked (`studies.reporting.asked.Asked`) that gives a figure. To add one: the function,
and a line in `KINDS`.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from searchspace.expand import SpecError
from studies.reporting.asked import Asked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    Kind = Callable[[Asked], Figure]

KINDS = {  # the module that has it and what it is called there, and what it shows
    "macs": ("studies.reporting.drawn", "macs", "accuracy against MACs"),
    "params": ("studies.reporting.drawn", "params", "accuracy against params"),
    "curves": ("studies.reporting.drawn", "curves", "training curves"),
    "forest": ("studies.reporting.drawn", "forest", "differences from the baseline"),
    "trials": ("studies.reporting.drawn", "trials", "every trial"),
    "cost": ("studies.reporting.drawn", "cost", "MACs and params by part"),
    "features": ("studies.api.feature_figure", "features", "feature maps, and the share of near-zero channels"),
    "step": ("studies.reporting.steps", "step", "the Tokens-to-Token step of an arm"),
    "diagram": ("studies.reporting.diagrams", "diagram", "an arm, drawn from its spec"),
}
SUFFIXES = (".png", ".pdf", ".svg")


def asked_for(figure: str | Path, out: str | Path | None = None) -> tuple[str, Path | None]:
    """The kind of a figure and the file that it goes to (None: the store), of what `--figure` and `--out` say.

    `--figure` with the name of a file is accuracy against MACs in that file.

    Raises:
        SpecError: if there is no such kind, or a file is not one of `SUFFIXES`.
    """
    name = str(figure)
    if name not in KINDS and (isinstance(figure, Path) or Path(name).suffix or len(Path(name).parts) > 1):
        if out is not None:
            raise SpecError(f"two files for one figure, {name} and {out}: say --figure {'|'.join(KINDS)} --out FILE")
        return "macs", figure_file(Path(name))
    if name not in KINDS:
        raise _unknown(name)
    return name, None if out is None else figure_file(Path(out))


def _unknown(kind: str) -> SpecError:
    return SpecError(f"no figure {kind!r}; known: {', '.join(KINDS)}")


def figure_file(path: Path) -> Path:
    """The path of a figure.

    Raises:
        SpecError: if its name does not end as those of figures do.
    """
    if path.suffix not in SUFFIXES:
        raise SpecError(f"a figure is written as {', '.join(SUFFIXES)}, got {path.name!r}")
    return path


def figure(kind: str, asked: Asked) -> "Figure":
    """Draw one.

    Raises:
        SpecError: if there is no such kind, or nothing to be drawn.
    """
    if kind not in KINDS:
        raise _unknown(kind)
    module, name, _ = KINDS[kind]
    draw: Kind = getattr(import_module(module), name)
    return draw(asked)


def write(kind: str, asked: Asked, path: Path | None = None) -> Path:
    """Draw one into a file: the one that is named, else STUDY_SCALE_KIND.png in the store's folder `figures`.

    The figures of a store that is no folder are in ./figures.

    Raises:
        SpecError: if there is nothing to be drawn, or it cannot be written.
    """
    from reports.figures import save

    if path is None:
        path = asked.store.folder_here / "figures" / f"{asked.study.name}_{asked.scale.scale}_{kind}.png"
    try:
        save(figure(kind, asked), path)
    except OSError as error:
        raise SpecError(f"no figure: cannot write {path}: {error.strerror or error}; name another with --out") from None
    return path
