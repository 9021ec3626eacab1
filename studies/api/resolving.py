"""Seeds where they are needed: the looks of a study, what the next round trains, and what that is expected to cost."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from searchspace.bounds import Within
from searchspace.expand import SpecError
from studies.api.wording import counted
from studies.language.study import Arm, checked_count, lengthened
from studies.planning.forecast import Expected, Forecast
from studies.planning.plan import Plan, make_plan
from studies.reporting.frames import results
from studies.store.errors import NoStoreWarning
from studies.store.looks import keep_looks, kept_looks

if TYPE_CHECKING:
    import pandas as pd

    from reports.looks import Looks, Round

MOST = 20  # seeds of an arm, by default
STUDIES = 500  # that are made up to see how many seeds are expected


@dataclass(frozen=True)
class Resolving:
    """A plan that may go on.

    Attributes:
        plan: of the first look.
        looks: as planned.
        order: seeds in which arms are given them.
    """

    plan: Plan
    looks: "Looks"
    order: tuple[int, ...]

    def results(self) -> "pd.DataFrame":
        """A row for each arm of the plan and each seed that it may have."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NoStoreWarning)  # it is made by the first round
            frame = results(self.plan.study, self.plan.store.root, self.plan.scale, self.order)
        arms = {arm.key for arm, _ in self.plan.arms}
        return frame[[key in arms for key in zip(frame["group"], frame["arm"], strict=True)]]

    def next_round(self, tried: set[str]) -> "Round":
        """Where the looks have come to; a trial that failed before this run, so is not in `tried`, is tried again."""
        from reports.looks import next_round

        frame = self.results()
        again = (frame["status"] == "failed") & ~frame["trial"].isin(tried)
        return next_round(frame.assign(status=frame["status"].mask(again, "planned")), self.looks, self.order)

    def plan_of(self, now: "Round") -> Plan:
        """An ordinary plan of what is missing."""
        pairs = set(now.missing)

        def wanted(arm: Arm, seed: int) -> bool:
            return (arm.key, seed) in pairs

        made = make_plan(self.plan.study, self.plan.scale, self.order, (), True, self.plan.store, wanted=wanted)
        return replace(made, refused=[] if now.look else self.plan.refused)

    def keep(self) -> None:
        """Write down in the store how the results are looked at."""
        keep_looks(self.plan.store, self.plan.study.name, self.plan.scale.scale, asdict(self.looks))


def resolving(plan: Plan, seeds: Sequence[int] | None, size: float | None, most: int | None) -> Resolving | None:
    """The looks that are asked for; none if there is nothing to resolve.

    Raises:
        SpecError: if they are no numbers, fewer seeds are allowed than the first look has, or looks at the same study
            were planned otherwise before.
    """
    if size is None:
        if most is not None:
            raise SpecError("--max-seeds goes with --resolve: the points that a difference is to be resolved at")
        return None
    from reports.looks import Looks

    try:
        size = Within(0, 100, above=True).check(size, whole=False)
    except ValueError as error:
        raise SpecError(f"resolve: {error}") from None
    most = checked_count(most, "max_seeds") or MOST
    first = tuple(seeds or plan.study.seeds)
    if len(first) < 2:
        raise SpecError("--resolve needs two seeds at the first look, since one says nothing of the noise: --seeds 3")
    if most < len(first):
        raise SpecError(f"--max-seeds {most}: the first look has {len(first)} already (--seeds)")
    looks = Looks(size, len(first), most, plan.study.baseline_seeds)
    kept = kept_looks(plan.store, plan.study.name, plan.scale.scale)
    if kept is not None and (before := Looks(**kept)).stages != looks.stages:
        raise SpecError(
            f"the looks at {plan.study.name} in {plan.store.root} were planned before, with --seeds {before.first} "
            f"--max-seeds {before.most}, and what they may find by chance is spent: go on with these"
        )
    return Resolving(plan, looks, lengthened(first, most))


def told(now: "Round", looks: "Looks") -> str:
    """Where the looks have come to, in a line."""
    found = list(now.found.values())
    resolved = sum(one in ("higher", "lower") for one in found)
    parts = [f"{resolved} of {counted(len(found), 'difference')} resolved"]
    for word, text in (("smaller", f"smaller than {looks.size:g}"), ("open", "open")):
        names = [f"{key[1]} (n = {now.looked[key]})" for key, one in now.found.items() if one == word]
        parts += [f"{text}: {', '.join(names)}"] if names else []
    return f"look {now.look} of at most {len(looks.stages)}: {'; '.join(parts)}"


def expected(asked: Resolving, whole: Plan, costs: Forecast) -> Expected:
    """What is expected to be trained, if arms go on as they have begun; before that, what the first look needs."""
    seconds = costs.estimate.seconds
    done = {trial.id for trial in whole.trials} - {trial.id for trial in costs.missing}
    chances = _chances(asked)
    if chances is None:
        share = {trial.id: 1.0 for trial in asked.plan.trials}
        basis = "the first look alone, until its results tell how much more is needed"
    else:
        share = dict.fromkeys(whole.others, 1.0)
        for arm, trial in whole.arms:
            more = chances[arm.key][asked.order.index(trial.seed)]
            share[trial.id] = max(share.get(trial.id, 0.0), more)
        basis = "if means and deviations are those of the seeds that are trained"
    left = {trial_id: part for trial_id, part in share.items() if trial_id not in done}
    return Expected(sum(left.values()), sum(part * seconds[trial_id] for trial_id, part in left.items()), basis)


def _chances(asked: Resolving) -> dict | None:
    """For each arm the chance that it is given its first, second ... seed; none before two seeds of each are there."""
    import numpy as np

    from reports.staged import staged
    from reports.statistics import over_seeds

    table = over_seeds(asked.results())
    found = {}
    random = np.random.default_rng(0)
    for group, rows in table.groupby("group", sort=False):
        rows = rows.sort_values("baseline", ascending=False, kind="stable")
        own = rows[rows["same_as"] == ""]
        if not own["baseline"].iloc[0] or (own["n"] < 2).any():
            return None
        draws = random.standard_normal((STUDIES, len(own), asked.looks.most))
        seeds = staged(own["top1_sd"].tolist(), own["delta"].iloc[1:].tolist(), asked.looks, draws).seeds
        for i, arm in enumerate(own["arm"]):
            found[group, arm] = [(seeds[:, i] > k).mean() for k in range(asked.looks.most)]
        for arm, twin in zip(rows["arm"], rows["same_as"], strict=True):
            if twin:
                found[group, arm] = found[group, twin]
    return found
