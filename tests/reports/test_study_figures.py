"""Training curves and forest plots: their numbers, and that they are drawn."""

import pandas as pd
import pytest
from figure_texts import check_texts

from reports.statistics import over_seeds
from reports.study_figures import curves, differences, draw_curves, draw_differences, draw_trials, trials


@pytest.fixture
def history() -> pd.DataFrame:
    rows = [("g", "a", 0, 1, 10.0), ("g", "a", 1, 1, 20.0), ("g", "a", 0, 2, 30.0), ("h", "b", 0, 1, 5.0)]
    return pd.DataFrame(rows, columns=["group", "arm", "seed", "epoch", "top1"])


@pytest.fixture
def arms() -> pd.DataFrame:
    values = {"base": [80.0, 80.5, 81.0], "worse": [60.0, 60.5, 61.0], "like": [80.0, 80.6, 81.2], "once": [70.0]}
    rows = [
        {"group": "g", "arm": arm, "baseline": arm == "base", "seed": seed, "status": "done", "top1": top1}
        for arm, of in values.items()
        for seed, top1 in enumerate(of)
    ]
    return over_seeds(pd.DataFrame(rows).assign(params=1e3, macs=1e6))


def test_a_line_is_the_mean_of_the_seeds_that_have_come_so_far_between_the_lowest_and_the_highest(
    history: pd.DataFrame,
) -> None:
    lines = curves(history).set_index(["arm", "epoch"])
    assert lines.loc[("a", 1), ["mean", "low", "high", "n"]].tolist() == [15.0, 10.0, 20.0, 2]
    assert lines.loc[("a", 2), ["mean", "low", "high", "n"]].tolist() == [30.0, 30.0, 30.0, 1]


def test_each_group_has_a_panel_and_each_arm_a_line(history: pd.DataFrame) -> None:
    first, second = draw_curves(curves(history), "s").axes
    assert [first.get_title(loc="left"), second.get_title(loc="left")] == ["g", "h"]
    assert first.lines[0].get_xydata().tolist() == [[1, 15], [2, 30]]
    assert second.lines[0].get_marker() == "o", "a single epoch is a point, else nothing would be seen"


def test_arms_with_an_interval_are_in_the_forest_and_the_baseline_is_not(arms: pd.DataFrame) -> None:
    rows = differences(arms)
    assert rows["arm"].tolist() == ["worse", "like"]
    assert rows["verdict"].str.startswith(("lower", "unresolved")).all()
    (axes,) = draw_differences(rows, {"g": "base"}, "s").axes
    assert axes.get_title(loc="left") == "g: against base"
    assert [text.get_text() for text in axes.get_yticklabels()] == ["like", "worse"]
    lows = sorted(float(bar.get_paths()[0].vertices[:, 0].min()) for bar in axes.collections)
    assert lows == pytest.approx(sorted(rows["delta"] - rows["ci"]))


def test_no_text_lies_on_another_whatever_the_groups_and_names() -> None:
    long = "an arm with a name that is much longer than others, and has 2 $ in it $"
    rows = [
        {"group": f"group {g} of {groups}", "arm": f"{long} {a}" if a == 3 else f"arm {a}", "baseline": a == 0}
        | {"seed": seed, "epoch": epoch, "status": "done", "trial": f"{g}{a}{seed}", "seconds": 1.0}
        | {"top1": 80 + 0.1 * g + a * seed + epoch, "params": 1e3, "macs": 1e6}
        for groups in (1, 5)
        for g in range(groups)
        for a in range(15)
        for seed in range(2)
        for epoch in (1, 2)
    ]
    history = pd.DataFrame(rows)
    for _, some in history.groupby(history["group"].str[-1]):
        results = some[some["epoch"] == 2]
        arms = differences(over_seeds(results))
        for figure in (
            draw_curves(curves(some), f"{long} " * 3),
            draw_differences(arms, {"group 0 of 1": long}, f"{long} " * 3),
            draw_trials(trials(results), f"{long} " * 3)[0],
        ):
            check_texts(figure)
