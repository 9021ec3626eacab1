"""Run searches over their journal: one queue, one Ray, until each has its candidates."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from studies.api.execution import RefusedError, execute, options_of, prepare
from studies.api.how import How
from studies.api.interrupt import interruptible
from studies.api.progress import Progress
from studies.api.search_latency import Latencies
from studies.api.search_settings import Asked
from studies.api.wording import counted, say
from studies.engine.events import RayDiedError, StoppedError
from studies.engine.queue import Queue
from studies.planning.estimate import length
from studies.searching.journal import BusyError, opened, study_in
from studies.searching.loop import Loop, Wanted
from studies.searching.objectives import directions
from studies.searching.search import Proposal, Search
from studies.store.files import StoreError
from studies.store.store import Store

RANDOM = "random"


@dataclass
class Ran:
    """What came of the searches.

    Attributes:
        searches: as they stand in the journal, which is let go.
        ended: what ended them before all was done.
        failures: why candidates failed, by name.
    """

    searches: list[Search] = field(default_factory=list)
    ended: StoppedError | RayDiedError | StoreError | None = None
    failures: dict[str, str] = field(default_factory=dict)


def run_searches(what: Asked, store: Store, how: How, path: Path, wanted: dict[str, int]) -> Ran:
    """Bring each study of the journal to so many candidates; the first is the search itself, others are random.

    Raises:
        RefusedError: if the store cannot be written.
        BusyError: if another process has the journal.
        SpecError: if it cannot be done so.
    """
    ran = Ran()
    measure = Latencies(what.definition, how) if "latency" in what.definition.objectives else None
    with ExitStack() as held:

        def take_up() -> list[Wanted]:
            prepare(store)
            storage = held.enter_context(opened(path))
            made = []
            for i, (name, trials) in enumerate(wanted.items()):
                stream, title = (RANDOM, "random candidate") if i else ("", "candidate")
                of = what.definition
                study = study_in(storage, path, name, directions(of.objectives), of.plain())
                if measure:
                    measure.take((trial.params, trial.user_attrs) for trial in study.get_trials(deepcopy=False))
                made.append(Wanted(Search(study, what.candidates, stream, title, measure), trials))
            ran.searches += [one.search for one in made]
            return made

        searches = take_up() if path.exists() else []
        if searches and not any(one.open or one.search.running for one in searches):
            say(f"{what.name}: {counted(len(searches[0].search), 'candidate')} are in its journal; nothing to search")
            return ran
        _run(what, store, how, ran, sum(wanted.values()), lambda: searches or take_up())
    return ran


def _run(what: Asked, store: Store, how: How, ran: Ran, total: int, take_up: Callable[[], list[Wanted]]) -> None:
    options = options_of(how, total)
    with Progress({}, [], {}) as progress:
        loop = Loop(store, progress, _in_flight(how, total), lambda *told: _announce(progress, *told))
        queue = Queue(store, [], {}, loop, options.run, judge=loop.stops if what.definition.halving else None)
        queue.hold_open()

        def begin(where: str) -> None:
            searches = take_up()
            progress.expected = sum(one.left for one in searches)
            of = what.definition
            say(
                f"search {what.name}: {of.sampler} over {' and '.join(of.objectives)}, space {of.space.name}, "
                f"{of.budget}, scale {of.scale.scale}: {counted(sum(one.trials for one in searches), 'candidate')}, "
                f"{progress.expected} to evaluate"
            )
            say(f"training {where}; store: {store.root}")
            loop.begin(queue, searches)

        with interruptible(lambda text: progress.say(f"studies: {text}")) as stopping:
            try:
                execute(store, queue, options, how, stopping, total, begin)
            except (RefusedError, BusyError):
                raise
            except (StoppedError, RayDiedError, StoreError) as ended:
                ran.ended = ended
        if loop.hopeless and ran.ended is None:
            ran.ended = StoreError(f"the first candidates all failed, so the search ended: {loop.hopeless}")
        ran.failures = {progress.names[trial_id]: why for trial_id, why in progress.failures.items()}


def _in_flight(how: How, total: int) -> int:
    """How many candidates are trained at a time."""
    jobs = how.at_a_time(total)
    assert jobs is not None
    return jobs


def _announce(progress: Progress, search: Search, proposal: Proposal, top1: float | None) -> None:
    """Show a candidate; `top1` is known if the store has its trial."""
    trial, name = proposal.candidate.trial, f"{search.title} {proposal.number}"
    if top1 is not None:
        progress.expected -= 1
        progress.say(f"{name}: top-1 {top1:.1f} %, by a trial that is in the store already")
    elif trial.id in progress.names:
        progress.expected -= 1
        progress.names[trial.id] += f" = {name}"
    else:
        progress.add(trial, name, length(trial) / trial.recipe.epochs)
