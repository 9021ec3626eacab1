"""Tables and figures of what the store holds."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from searchspace.expand import SpecError
from studies.api.figures import asked_for, write
from studies.api.figures import figure as drawn
from studies.language.catalog import FOLDER
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale, names
from studies.language.study import Study, seed_list
from studies.reporting.analyses import Analysis
from studies.reporting.asked import Asked
from studies.reporting.frames import store_root
from studies.reporting.tables import study_of_table, table
from studies.store.store import Store
from studies.trials.scale import Scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULT_SCALE = "digits"
Format = Literal["text", "md", "latex", "csv", "json", "html"]


def report(
    study: str | Path | Study | None = None,
    *,
    paper_table: int | None = None,
    scale: str | Path | Scale | None = None,
    seeds: int | Sequence[int] | None = None,
    format: Format = "text",
    figure: str | Path | None = None,
    out: str | Path | None = None,
    only: str | Sequence[str] = (),
    claims: bool = False,
    compare: tuple[str, str] | None = None,
    matrix: bool = False,
    effects: bool = False,
    runs_dir: str | Path | None = None,
) -> str:
    """A study's table, or one of the paper's, beside what was trained, as text: `print(studies.report("cnn_to_vit"))`.

    Args:
        study: name of a study that ships, path of a file, or a study.
        paper_table: number of the paper's table, instead of a study.
        scale: name, path, or a scale; default: the study's.
        seeds: only these: how many, or which.
        format: of the text; html: a page by itself, with curves, every trial, and differences as figures.
        figure: a kind to draw, see `studies.figure`; or a file, in which accuracy against MACs is drawn.
        out: file of the figure: .png, .pdf or .svg; default: STUDY_SCALE_KIND.png in the store's folder `figures`.
        only: patterns of names or groups: the arms of the figure; default: all.
        claims: instead of a table, what the paper claims and whether it holds at the scale.
        compare: instead of a table, the first of these two arms against the second, one comparison; each is ARM, or
            GROUP/ARM where several groups have it.
        matrix: below the table of a study of your own, which arm has which part, with ticks, and its score.
        effects: below the table of a study with a `grid`, main effects and two-way interactions of its factors. A page
            has both where the study has that form.
        runs_dir: the store, a folder or a URL; default: $STUDIES_RUNS_DIR, else ./runs.

    Raises:
        SpecError: for bad input.
    """
    only = [only] if isinstance(only, str) else only
    if format not in get_args(Format):
        raise SpecError(f"format: one of {', '.join(get_args(Format))}, got {format!r}")
    if figure is None and (out is not None or only):
        raise SpecError(f"{'--only' if only else '--out'} is for a figure: say which, as --figure macs")
    if (paper_table is not None) + (study is not None) + claims != 1:
        raise SpecError("say which table: --table 6, the name of a study, or --claims")
    if compare is not None and (isinstance(compare, str) or len(compare) != 2):
        raise SpecError(f"compare: two names of arms, got {compare!r}")
    if compare is not None and (claims or figure or matrix or effects):
        raise SpecError("--compare is of two arms: it goes with no --claims, --figure, --matrix or --effects")
    analyses = _analyses(matrix, effects, format, claims)
    if claims:
        if figure:
            raise SpecError("--figure is of a study or a table, and --claims is neither")
        from studies.reporting.claims import claims as claims_of_paper

        found = scale if isinstance(scale, Scale) else load_scale(str(scale or DEFAULT_SCALE))
        return claims_of_paper(found, Store(store_root(runs_dir)).check_there(), seed_list(seeds), format)
    if paper_table is not None:
        study = study_of_table(paper_table)
    elif not isinstance(study, Study):
        study = load_study(str(study), scale)
    command = _command(study, scale, seed_list(seeds), store_root(runs_dir))
    scale = scale if isinstance(scale, Scale) else load_scale(str(scale or study.scale))
    if figure is not None and format == "html":
        raise SpecError("--figure is for tables: a page has its figures in it")
    asked = None if figure is None else asked_for(figure, out)
    store = Store(store_root(runs_dir))
    if compare is not None:
        from studies.reporting.two_arms import compare as compare_arms

        return compare_arms(study, scale, store, compare, seed_list(seeds), format, command)
    if format == "html":
        from studies.api.search_front import front_of  # matplotlib takes a second to load
        from studies.reporting.page import page_of

        return page_of(study, scale, store, seed_list(seeds), command, analyses, more=front_of(study, scale, store))
    text = table(study, scale, store, seed_list(seeds), format, command, analyses=analyses)
    if asked is not None:
        kind, path = asked
        print(f"figure: {write(kind, Asked(study, scale, store, seed_list(seeds), only), path)}", file=sys.stderr)
    return text


def figure(
    study: str | Path | Study,
    kind: str = "macs",
    *,
    scale: str | Path | Scale | None = None,
    seeds: int | Sequence[int] | None = None,
    only: str | Sequence[str] = (),
    runs_dir: str | Path | None = None,
) -> "Figure":
    """A figure of a study, to be shown in a notebook or changed: `studies.figure("cnn_to_vit", "curves")`.

    Args:
        study: name of a study that ships, path of a file, or a study.
        kind: `macs` or `params` (accuracy against them), `curves` (of training), `forest` (differences from the
            baseline), `trials` (each as a point), `cost` (MACs and params by part, at full size; needs no training),
            `features` (maps of trained models), `step` (of the Tokens-to-Token module), `diagram` (of one arm).
        scale: name, path, or a scale; default: the study's.
        seeds: only these: how many, or which.
        only: patterns of names or groups: the arms that are shown; default: all.
        runs_dir: the store, a folder or a URL; default: $STUDIES_RUNS_DIR, else ./runs.

    Raises:
        SpecError: for bad input, or if nothing is there to be drawn.
    """
    only = [only] if isinstance(only, str) else only
    study = study if isinstance(study, Study) else load_study(str(study), scale)
    scale = scale if isinstance(scale, Scale) else load_scale(str(scale or study.scale))
    return drawn(kind, Asked(study, scale, Store(store_root(runs_dir)), seed_list(seeds), only))


def _analyses(matrix: bool, effects: bool, format: Format, claims: bool) -> list[Analysis]:
    """What is asked for below a table."""
    asked: dict[Analysis, bool] = {"matrix": matrix, "effects": effects}
    wanted = [name for name, said in asked.items() if said]
    flags = " and ".join(f"--{name}" for name in wanted)
    if wanted and claims:
        raise SpecError(f"{flags}: for a study of your own; leave out --claims")
    if wanted and format in ("csv", "json"):
        raise SpecError(f"{flags}: for text, md, latex and html; {format} has a row a trial, and no more")
    return wanted


def _command(study: Study, scale: str | Path | Scale | None, seeds: Sequence[int] | None, store: str | Path) -> str:
    """The command that trains what a report shows, to be pasted in a shell; empty if the scale is in no file."""
    shipped = study.path is None or study.path.parent == FOLDER
    words = ["studies", "run", study.name if shipped else str(study.path)]
    if isinstance(scale, Scale):
        known = [name for name in dict.fromkeys((study.scale, *names())) if load_scale(name) == scale]
        if not known:
            return ""
        scale = known[0]
    if scale is not None and str(scale) != study.scale:
        words += ["--scale", str(scale)]
    if seeds and seeds != study.seeds:
        first = seeds == tuple(range(len(seeds)))
        words += ["--seeds", str(len(seeds)) if first else f"{','.join(map(str, seeds))},"]
    if str(store) != str(store_root(None)):
        words += ["--runs-dir", str(store)]
    return shlex.join(words)
