"""Search a space for models: rank candidates on validation pictures, then test the best of them beside their base."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from searchspace.expand import SpecError
from searchspace.presets import preset
from studies.api.how import How
from studies.api.run import check, train
from studies.api.search_figures import figures_of, write_figures
from studies.api.search_run import RANDOM, run_searches
from studies.api.search_settings import Asked, asked
from studies.api.wording import say
from studies.engine.events import RayDiedError, StoppedError
from studies.language.study import Arm, Study
from studies.planning.plan import Plan, make_plan
from studies.reporting.frames import store_root
from studies.searching.checklist import Check, Evidence, checklist
from studies.searching.export import check_folder, export
from studies.searching.finals import Finalist, final_study, presets_within
from studies.searching.journal import check_journal, journal_path
from studies.searching.outcome import Found, distinct, found_by, pareto_set
from studies.store.files import StoreError
from studies.store.store import Store
from studies.trials.scale import Scale, changed

if TYPE_CHECKING:
    import pandas as pd

    from searchspace.space import Space

CONTROLLED = 50  # a search of up to so many candidates has a random one beside it, if nothing else is said


@dataclass(repr=False)
class SearchResult:
    """What came of a search.

    Attributes:
        study: Optuna's.
        found: each candidate.
        control: each candidate of the random search; empty if there was none.
        final: the plan of the study that tests the best; none: nothing was to be tested.
        checklist: what holds of the good practice of the field, and what does not; empty if it ended before.
        exported: the study file of the Pareto set.
        ended: what ended it before all was done.
        failures: why trials failed, by name.
    """

    asked: Asked
    study: Any = None
    found: list[Found] = field(default_factory=list)
    control: list[Found] = field(default_factory=list)
    final: Plan | None = None
    checklist: list[Check] = field(default_factory=list)
    exported: Path | None = None
    ended: StoppedError | RayDiedError | StoreError | None = None
    failures: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        done, front = sum(one.status == "done" for one in self.found), self.front
        best = f", the best {front[0].top1:.1f} % on validation pictures" if front else ""
        return (
            f"search {self.asked.name} at scale {self.asked.scale}: {done} of {len(self.found)} candidates done, "
            f"{len(front)} in the Pareto set{best} (.frame, .results, .checklist)"
        )

    @property
    def front(self) -> list[Found]:
        """The Pareto set, the highest accuracy first."""
        return pareto_set(self.found)

    @property
    def frame(self) -> "pd.DataFrame":
        """A row a candidate: number, status, trial, top1 (validation, %), params, macs, pareto, the point's values.

        `search` says of which it is: the search itself, or the random one beside it.
        """
        import pandas as pd

        name = self.asked.name
        rows = [{"search": name} | one.row() for one in self.found]
        frame = pd.DataFrame([*rows, *({"search": f"{name} ({RANDOM})"} | one.row() for one in self.control)])
        frame.attrs |= {"search": name, "scale": self.asked.scale}
        return frame

    @property
    def results(self) -> "pd.DataFrame":
        """A row a trial of the final test, as `studies.results` has them."""
        import pandas as pd

        from studies.reporting.frames import results

        if self.final is None:
            return pd.DataFrame()
        return results(self.final.study, self.final.store.root, self.final.scale)


def search(
    base: str,
    *,
    space: "str | Path | Space | None" = None,
    max_macs: int | None = None,
    min_macs: int | None = None,
    max_params: int | None = None,
    min_params: int | None = None,
    budget_at: Literal["full", "scale"] | None = None,
    trials: int | None = None,
    sampler: str | None = None,
    warm_start: str | None = None,
    objectives: str | Sequence[str] | None = None,
    scale: str | Path | Scale | None = None,
    validation: float | None = None,
    early_stop: bool | None = None,
    grace_period: int | None = None,
    reduction_factor: float | None = None,
    seed: int | None = None,
    control: bool | None = None,
    final_seeds: int | None = None,
    top: int | None = None,
    final_presets: int | None = None,
    name: str | None = None,
    export: str | Path | None = None,
    runs_dir: str | Path | None = None,
    jobs: int | None = None,
    executor: Literal["ray", "inline"] = "ray",
    gpus_per_trial: float | None = None,
    cpus_per_trial: float = 1.0,
    address: str | None = None,
    data_dir: str | Path | None = None,
) -> SearchResult:
    """Search a space, as `studies search` does. The same call goes on where one before it ended.

    What is not said is as a study file's `search` block has it, else the default.

    Args:
        base: preset to search around, a space by name or file, or a study file with a `search` block.
        space: name, path, or a space; default: that with the name of the scale, else `paper`.
        max_macs: most multiply-adds of a candidate.
        min_macs: least multiply-adds.
        max_params: most parameters.
        min_params: least parameters.
        budget_at: whether the bounds are those of the `full` size, the default, or of the small models at the `scale`.
        trials: candidates in all, those of earlier calls among them; default: 50.
        sampler: `ehvi`, the default (see `studies.searching.known_costs`), Optuna's `tpe`, `nsga2` or `gp`, or
            `random`.
        warm_start: a score of untrained models (`studies.trials.scores.NAMES`): the candidates before the sampler has
            anything to learn from are the best by it, of ten times as many that are drawn at random.
        objectives: top1 (on validation pictures), macs, params, latency (measured), one or several; default: top1 and
            macs.
        scale: name, path, or a scale; default: `digits`.
        validation: share of the training pictures that candidates are ranked on, unless the scale holds out one;
            default: 0.2.
        early_stop: end candidates early that are worse than others after as many epochs (ASHA); none of the test.
        grace_period: epochs that early stopping leaves each candidate; default: 1.
        reduction_factor: early stopping lets the best one in so many go on after each rung of epochs; default: 2.
        seed: of the proposals, and of each candidate's training; default: 0.
        control: search at random too, with as many candidates; default: where there are at most 50 trials.
        final_seeds: that the best are trained with again, on all training pictures; default: 3.
        top: how many of the best; 0: none; default: 3.
        final_presets: how many of the paper's ViTs and T2T-ViTs within the budget, those of most MACs, are tested
            beside them; default: 2.
        name: of the search and its journal; default: the base's, the space's, or the study's.
        export: folder for the Pareto set as a study file, the candidates as csv, figures, and a page with all of it.
        runs_dir: the store, a folder; default: $STUDIES_RUNS_DIR, else ./runs.
        jobs: trials at a time; default: one a core, or a GPU.
        executor: `inline` trains in this process, without Ray.
        gpus_per_trial: GPUs, or a share of one; 0: none even where there is one.
        cpus_per_trial: cores that a trial keeps from others.
        address: of a running Ray cluster, or `auto`; default: where `ray.init` has connected this process to, if so.
        data_dir: folder of data sets that are read from files; default: $STUDIES_DATA.

    Raises:
        SpecError: for bad input; nothing is trained or written then.
        KeyboardInterrupt: after Ctrl-C, when the trials have finished their step and saved.
        StoreError: if the store cannot be written, or another process runs this search.
        RayDiedError: if Ray died; what is trained is kept.
    """
    how = How(
        jobs=jobs, executor=executor, gpus_per_trial=gpus_per_trial, cpus_per_trial=cpus_per_trial, address=address,
        data_dir=None if data_dir is None else str(data_dir),
    )  # fmt: skip
    given = {
        "space": str(space) if isinstance(space, Path) else space, "max_macs": max_macs, "min_macs": min_macs,
        "max_params": max_params, "min_params": min_params, "budget_at": budget_at, "trials": trials,
        "sampler": sampler, "warm_start": warm_start, "objectives": objectives, "validation": validation,
        "seed": seed, "control": control, "final_seeds": final_seeds, "top": top, "name": name,
        "early_stop": early_stop, "grace_period": grace_period, "reduction_factor": reduction_factor,
        "final_presets": final_presets,
    }  # fmt: skip
    if not isinstance(scale, Scale | None):
        given["scale"] = str(scale)
    what = asked(str(base), given, scale if isinstance(scale, Scale) else None, data_dir)
    folder = None if export is None else Path(export)
    found = run_search(what, Store(store_root(runs_dir)), how, folder)
    if isinstance(found.ended, StoppedError):
        raise KeyboardInterrupt
    if found.ended is not None:
        raise found.ended
    return found


def run_search(what: Asked, store: Store, how: How, folder: Path | None) -> SearchResult:
    """Search, test the best, and export the Pareto set, with progress on stderr.

    Raises:
        SpecError: if that cannot be done so, before anything is written.
    """
    definition, settings = what.definition, what.settings
    if folder is not None:
        check_folder(folder)
    path = journal_path(store.check(), what.name)
    _check_run(what, store, how)
    wanted = journals(what)
    there = check_journal(path, wanted)
    for line in what.notes:
        say(line)
    if len(wanted) == 1 and settings.control is None and definition.sampler != RANDOM:
        say(f"no random search beside it, as for up to {CONTROLLED} trials: --control adds one")
    made = SearchResult(what)
    ran = run_searches(what, store, how, path, {name: max(settings.trials, n) for name, n in there.items()})
    made.ended, made.failures = ran.ended, ran.failures
    if ran.searches:
        made.study = ran.searches[0].study
        made.found, *controls = map(found_by, ran.searches)
        made.control = controls[0] if controls else []
    if made.ended is None and folder is not None:
        made.exported = export(folder, what.name, definition, what.scale, made.front)
        say(f"Pareto set: {made.exported}")
    if made.ended is None and settings.top:
        _test(made, store, how)
    if made.ended is None and made.study is not None:
        final = made.final.trials if made.final else []
        evidence = Evidence(definition, made.study, made.found, made.control, final, store, path)
        made.checklist = checklist(evidence)
    if made.ended is None and folder is not None:
        figures = figures_of(made)
        for path in write_figures(made, figures, folder):
            say(f"figure: {path}")
        from studies.api.search_page import write_page  # and with it matplotlib

        say(f"page: {write_page(made, figures, folder)}")
    return made


def journals(what: Asked) -> dict[str, dict[str, Any]]:
    """The names of the searches in the journal, with what defines them: the search, and the random one beside it.

    Raises:
        SpecError: if there cannot be one beside it.
    """
    control, is_random = what.settings.control, what.definition.sampler == RANDOM
    if control and is_random:
        raise SpecError("--control is a random search beside another one: with --sampler random leave it out")
    names = [what.name]
    if control or (control is None and what.settings.trials <= CONTROLLED and not is_random):
        names.append(f"{what.name} ({RANDOM})")
    return dict.fromkeys(names, what.definition.plain())


def _check_run(what: Asked, store: Store, how: How) -> None:
    """Refuse what no candidate can be trained with: wrong options, data that is not there."""
    of = what.definition
    arm = Arm("", of.base, preset(of.base), baseline=True, optional=False, preset=of.base)
    study = Study(what.name, "", "", None, of.scale.scale, (of.seed,), (arm,), {"": of.base})
    check(make_plan(study, of.scale, None, (), False, store), how)
    if "latency" in of.objectives and how.at_a_time(2) != 1:
        raise SpecError("latency is measured while nothing else is trained: give --jobs 1, or --executor inline")
    if how.at_a_time(2) is None:
        raise SpecError("on a cluster a search must know how many trials to train at a time: give --jobs")


def _test(made: SearchResult, store: Store, how: How) -> None:
    """Train the best again on all training pictures, and the base beside them; no picture is held out."""
    of, settings = made.asked.definition, made.asked.settings
    finalists = [Finalist(f"best {i + 1}", one.model) for i, one in enumerate(distinct(made.found, settings.top))]
    finalists += [Finalist(f"best of {RANDOM}", one.model) for one in distinct(made.control, 1)]
    if not finalists:
        return
    finalists += presets_within(made.asked.candidates, settings.final_presets)
    study = final_study(of, f"{made.asked.name}_best", finalists, settings.final_seeds)
    made.final = make_plan(study, changed(of.scale, {"validation": None}, {}), None, (), False, store)
    outcome = train(made.final, how)
    made.ended = outcome.ended
    if outcome.progress:
        names = outcome.progress.names
        made.failures |= {names[trial_id]: why for trial_id, why in outcome.progress.failures.items()}
