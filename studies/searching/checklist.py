"""What a search keeps of the good practice of the field, point by point, each judged by what it has left.

The points are those of Lindauer and Hutter, "Best Practices for Scientific Research on Neural Architecture Search"
(JMLR 21, 2020), in our own words: code and settings that others can have, a fair comparison, and a full report.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import optuna

from studies.searching.definition import Definition
from studies.searching.journal import DEFINITION, journals_beside
from studies.searching.outcome import Found, ranked
from studies.store.files import StoreError
from studies.store.store import Store
from studies.trials.results import Figures
from studies.trials.scale import RATES
from studies.trials.trial import TrialSpec

MANY_SEEDS = 3  # of the test, and of whole searches, from which a deviation can be told


@dataclass(frozen=True)
class Check:
    """A point: what is asked, whether it holds here, and the figures that say so."""

    point: str
    holds: bool
    value: str


@dataclass(frozen=True)
class Evidence:
    """What a search has left.

    Attributes:
        study: of the journal.
        final: trials of the test.
        path: of the journal.
    """

    definition: Definition
    study: optuna.Study
    found: Sequence[Found]
    control: Sequence[Found]
    final: Sequence[TrialSpec]
    store: Store
    path: Path

    @cached_property
    def ranking(self) -> list[TrialSpec]:
        """The trials that ranked candidates; what is damaged is passed over, here and below."""
        trials = []
        for trial_id in dict.fromkeys(one.trial for one in (*self.found, *self.control)):
            with suppress(StoreError):
                trials.append(self.store.trial(trial_id))
        return trials

    @cached_property
    def results(self) -> list[Figures]:
        """Of all trials that are done, of candidates and of the test."""
        results = []
        for trial_id in dict.fromkeys(trial.id for trial in (*self.ranking, *self.final)):
            with suppress(StoreError):
                results.append(self.store.figures(trial_id))
        return [result for result in results if result is not None]


def checklist(of: Evidence) -> list[Check]:
    """Every point, in the order of the paper: code, comparison, report."""
    return [*_code(of), *_comparison(of), *_report(of)]


def _code(of: Evidence) -> Iterable[Check]:
    versions = {result["versions"]["t2t-studies"] for result in of.results}
    yield Check(
        "the code that trained is known by its version",
        bool(versions) and "unknown" not in versions,
        f"t2t-studies {_listed(versions)}",
    )
    there = of.study.user_attrs.get(DEFINITION) or {}
    space = of.definition.space
    yield Check(
        "space and settings of the search are written down, whole",
        there == of.definition.plain(),
        f"in {of.path.name}: space {space.name} of {space.size():,} points, {of.definition.sampler}, "
        f"{of.definition.budget}, objectives {', '.join(of.definition.objectives)}",
    )
    seeds = sorted({trial.seed for trial in of.final})
    yield Check(
        f"seeds are stated, and the best are tested with {MANY_SEEDS} or more",
        len(seeds) >= MANY_SEEDS,
        f"search {of.definition.seed}, test {_listed(seeds)}",
    )


def _comparison(of: Evidence) -> Iterable[Check]:
    by_width = of.definition.scale.lr_base_width is not None
    rates = set(RATES) if by_width else set()
    for name, trials in (("all candidates", of.ranking), ("all models of the test", of.final)):
        ways = {(trial.data.model_dump_json(), trial.recipe.model_dump_json(exclude=rates)) for trial in trials}
        yield Check(
            f"{name} are trained alike: the same data and recipe",
            len(ways) == 1,
            f"{len(trials)} trials, {_plural(len(ways), 'recipe')}" + ", learning rates by width" * by_width,
        )
    machines = {(r["device"], r["precision"], *sorted(r["versions"].items())) for r in of.results}
    devices = {result["device"] for result in of.results}
    yield Check(
        "all are trained on the same hardware with the same versions",
        len(machines) == 1,
        f"{_plural(len(machines), 'combination')}: {_listed(devices)}",
    )
    held_out = [trial for trial in of.ranking if trial.data.validation]
    tested = any(trial.data.validation for trial in of.final)
    yield Check(
        "no test picture has a part in what is chosen",
        bool(of.ranking) and len(held_out) == len(of.ranking) and not tested,
        f"{len(held_out)} of {len(of.ranking)} rankings by pictures held out of the training pictures",
    )
    done, beside = ([one for one in which if one.status in ("done", "stopped")] for which in (of.found, of.control))
    yield Check(
        "a random search of the same budget stands beside it",
        len(beside) >= len(done) > 0,
        f"{len(done)} candidates evaluated, {len(beside)} at random",
    )
    yield Check("progress over the search is compared, not its end alone", bool(beside and done), _progress(of))
    others = [key for plain in journals_beside(of.path) if (key := _only_difference(plain, of.definition))]
    samplers = others.count("sampler")
    yield Check(
        "what the search adds is told apart: the same one with another sampler",
        samplers > 0,
        f"{_plural(samplers, 'such search')} in the store",
    )
    searches = 1 + others.count("seed")
    yield Check(
        f"the whole search is repeated with {MANY_SEEDS} or more seeds",
        searches >= MANY_SEEDS,
        f"{_plural(searches, 'search')} of this definition in the store",
    )


def _report(of: Evidence) -> Iterable[Check]:
    open_ = sum(one.status == "running" for one in (*of.found, *of.control))
    failed = sum(one.status == "failed" for one in (*of.found, *of.control))
    stopped = sum(one.status == "stopped" for one in (*of.found, *of.control))
    yield Check(
        "every candidate that was begun is accounted for",
        not (open_ or failed),
        f"{len(of.found) + len(of.control)}: {failed} failed, {stopped} stopped early, {open_} not ended",
    )
    done = {trial.id for trial in of.final if of.store.done(trial.id)}
    yield Check(
        "every model of the test is trained with every seed",
        bool(of.final) and len(done) == len({trial.id for trial in of.final}),
        f"{len(done)} of {len({trial.id for trial in of.final})} trainings done",
    )
    seconds = [result["seconds"] for result in of.results]
    ended = {one.trial for one in (*of.found, *of.control) if one.status == "done"} | done
    yield Check(
        "the time of all of it is stated: search and test",
        bool(seconds) and len(seconds) >= len(ended) and not stopped,
        f"{sum(seconds):.0f} s of training in {_plural(len(seconds), 'trial')}; not known of {stopped} stopped early",
    )
    yield Check(
        "how the settings of the search were tuned is stated",
        False,
        f"not recorded; {_plural(len(journals_beside(of.path)), 'other search')} in the store: say what was tried",
    )


def _progress(of: Evidence) -> str:
    """The best accuracy after a quarter, a half and all of the candidates, of both searches."""
    texts = []
    for name, found in (("", of.found), ("at random ", of.control)):
        if found:
            best = [ranked(found[: -(-len(found) * part // 4)])[:1] for part in (1, 2, 4)]
            texts.append(name + ", ".join(f"{one[0].top1:.1f}" if one else "-" for one in best))
    return f"best after a quarter, a half, all: {'; '.join(texts)} % on validation pictures"


def _only_difference(plain: dict[str, object], of: Definition) -> str | None:
    """The field in which another search differs, if it is one."""
    mine = of.plain()
    found = [key for key in mine | plain if mine.get(key) != plain.get(key)]
    return found[0] if len(found) == 1 else None


def _listed(values: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, values))) or "none"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}{'es' if noun.endswith('ch') else 's'}"
