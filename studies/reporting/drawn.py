"""The kinds of figures that `studies.api.figures` lists: what a study has in a store, drawn by `reports`."""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import pandas as pd
from matplotlib.figure import Figure

from reports import accuracy_figures, cost_figures, study_figures
from reports.statistics import over_seeds
from searchspace.cost.remembered import costs_by_role
from searchspace.expand import SpecError
from studies.language.expansion import at_scale, full_size
from studies.reporting.asked import Asked
from studies.reporting.frames import history
from studies.reporting.structures import misnamed
from studies.reporting.tables import Contents, contents, described, is_of_the_paper

T = TypeVar("T")
MOST_ROWS = 200  # arms of a figure with a row for each


class NoRoomError(SpecError):
    """A figure would have more rows than can be seen."""


@dataclass(frozen=True)
class Drawn:
    """What the figures of a study are made from: the store is read once for all of them.

    Attributes:
        asked: the study, and what of it is shown.
        made: its tables.
    """

    asked: Asked
    made: Contents

    @classmethod
    def of(cls, asked: Asked) -> "Drawn":
        """Read the store.

        Raises:
            SpecError: if nothing is trained, or a pattern matches no arm.
        """
        study, store = asked.study, asked.store
        made = contents(study, asked.scale, store, asked.seeds)
        if made.untrained:
            text = f"nothing is trained yet of {study.name} at scale {asked.scale.scale} in {store.root}"
            raise SpecError(f"no figure: {text}")
        found = cls(asked, made)
        if asked.only and not found.any_done:
            raise SpecError(f"no figure: nothing is trained yet of {', '.join(asked.only)} of {study.name}")
        return found

    @property
    def title(self) -> str:
        """Of a figure."""
        return f"{self.asked.study.name} at scale {self.asked.scale.scale}"

    def shown(self, frame: pd.DataFrame, name: str) -> pd.DataFrame:
        """The rows of the arms asked for; `name`: the column of the arm beside `group`."""
        if not self.asked.only:
            return frame
        keys = {arm.key for arm in self.asked.study.select(self.asked.only)}
        names = {arm for _, arm in keys}
        # The paper's tables without groups have none in their rows.
        return frame[
            [(g, a) in keys or (not g and a in names) for g, a in zip(frame["group"], frame[name], strict=True)]
        ]

    @cached_property
    def named(self) -> pd.DataFrame:
        """A row a trial of the arms that the table compares.

        Beside a row of the paper that are those which are at this scale what their names say.
        """
        frame = self.made.results
        if self.asked.study.table is None:
            return frame
        unfit = misnamed(at_scale(self.asked.study, self.asked.scale))
        return frame[[key not in unfit for key in zip(frame["group"], frame["arm"], strict=True)]]

    @cached_property
    def arms(self) -> pd.DataFrame:
        """A row an arm, of all arms: verdicts are on them, whichever are shown."""
        return over_seeds(self.named, self.made.level)

    @property
    def any_done(self) -> bool:
        """Whether an arm that is shown has a finished trial."""
        frame = self.shown(self.made.results, "arm")
        return bool((frame["status"] == "done").any())

    def accuracy(self, cost: str) -> Figure:
        """Accuracy against `macs` or `params`, beside the paper's where the study reproduces a table of it."""
        table, scale = self.asked.study.table, self.asked.scale
        titles = {"run": f"Here, {described(scale)}"}
        if table is None:
            points = accuracy_figures.of_arms(self.shown(self.arms, "arm"), cost)
            return accuracy_figures.draw_accuracy(points, titles | {"run": self.title}, cost)
        points = accuracy_figures.of_table(table, self.shown(self.made.rows, "model"), cost)
        same = is_of_the_paper(scale)
        titles["paper"] = "The paper (line) and here, ImageNet" if same else "The paper: ImageNet, 224 x 224"
        return accuracy_figures.draw_accuracy(points, titles, cost, same)

    def curves(self) -> Figure | None:
        """Training curves; None if there is none."""
        lines = self.shown(history(self.asked.study, self.asked.store.root, self.asked.scale, self.asked.seeds), "arm")
        return None if lines.empty else study_figures.draw_curves(study_figures.curves(lines), self.title)

    def forest(self) -> Figure | None:
        """Differences from the baseline with intervals; None if no arm has one."""
        rows = study_figures.differences(self.shown(self.arms, "arm"))
        if rows.empty:
            return None
        _check_rows(len(rows))
        bases = self.arms[self.arms["baseline"].astype(bool)]
        names = dict(zip(bases["group"], bases["arm"], strict=True))
        return study_figures.draw_differences(rows, names, self.title)

    def trials(self) -> tuple[Figure, list[str]] | None:
        """Every trial, and a text for each to hover over; None if none is done."""
        points = study_figures.trials(self.shown(self.named, "arm"))
        if points.empty:
            return None
        _check_rows(points.groupby(["group", "arm"]).ngroups)
        return study_figures.draw_trials(points, self.title)


def _check_rows(count: int) -> None:
    if count > MOST_ROWS:
        raise NoRoomError(f"no figure: a page has room for {MOST_ROWS} arms, and {count} are asked for: take --only")


def macs(asked: Asked) -> Figure:
    """Accuracy against MACs."""
    return Drawn.of(asked).accuracy("macs")


def params(asked: Asked) -> Figure:
    """Accuracy against params."""
    return Drawn.of(asked).accuracy("params")


def curves(asked: Asked) -> Figure:
    """Training curves."""
    return _there(Drawn.of(asked).curves(), "no trial is done")


def forest(asked: Asked) -> Figure:
    """Differences from the baseline."""
    why = "no arm has an interval: that takes two seeds of it and of its baseline"
    return _there(Drawn.of(asked).forest(), why)


def trials(asked: Asked) -> Figure:
    """Every trial."""
    figure, _ = _there(Drawn.of(asked).trials(), "no trial is done")
    return figure


def cost(asked: Asked) -> Figure:
    """MACs and params of each arm by part at full size: of the study alone, nothing need be trained."""
    study, only = asked.study, asked.only
    keys = {arm.key for arm in (study.select(only) if only else study.arms)}
    _check_rows(len(keys))
    pairs = [(arm, m) for arm, m in zip(study.arms, full_size(study), strict=True) if arm.key in keys]
    found = costs_by_role([model for _, model in pairs])
    rows = [
        {"group": arm.group, "arm": arm.name, "part": part, "macs": of["macs"], "params": of["trainable"]}
        for (arm, _), sums in zip(pairs, found, strict=True)
        for part, of in sums.items()
    ]
    return cost_figures.draw_costs(cost_figures.costs(pd.DataFrame(rows)), f"{study.name} at full size, by part")


def _there(figure: T | None, why: str) -> T:
    if figure is None:
        raise SpecError(f"no figure: {why}")
    return figure
