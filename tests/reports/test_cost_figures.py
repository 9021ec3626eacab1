"""Costs by part: the bars, and that nothing lies on anything else."""

import pandas as pd
from figure_texts import check_texts
from matplotlib.container import BarContainer

from reports.cost_figures import PARTS, costs, draw_costs
from searchspace.cost.composed import ROLES

LONG = "an arm with a name that is much longer than others, and has 2 $ in it $"


def parts(groups: int = 1, arms: int = 2) -> pd.DataFrame:
    rows = [
        {"group": f"group {g}", "arm": f"{LONG} {a}" if a == 1 else f"arm {a}", "part": part, "macs": m, "params": p}
        for g in range(groups)
        for a in range(arms)
        for part, m, p in [("head", 1e9, 5e6), ("tokenizer", 2e9, 0), ("mlp", 3e9 + a * 1e8, 1e6)]
    ]
    return pd.DataFrame(rows)


def test_the_bars_of_an_arm_follow_one_another_in_the_order_of_a_model() -> None:
    bars = costs(parts())
    of = bars[(bars["arm"] == "arm 0") & (bars["figure"] == "macs")]
    found = of[["part", "start", "value"]].values.tolist()
    assert found == [["tokenizer", 0, 2e9], ["mlp", 2e9, 3e9], ["head", 5e9, 1e9]]


def test_each_bar_ends_in_the_sum_of_its_parts() -> None:
    figure = draw_costs(costs(parts(arms=1)), "s")
    macs, params = figure.axes
    assert (macs.get_xlabel(), params.get_xlabel()) == ("MACs (G)", "Params (M)")
    assert [text.get_text() for text in macs.texts] == ["6.00"]
    ends = [bar[0].get_x() + bar[0].get_width() for bar in macs.containers if isinstance(bar, BarContainer)]
    assert ends == [2, 5, 6]


def test_nothing_lies_on_anything_else_whatever_the_groups_and_names() -> None:
    for groups, arms in ((1, 1), (1, 30), (6, 3), (3, 1)):
        figure = draw_costs(costs(parts(groups, arms)), f"{LONG} " * 3)
        check_texts(figure)
        assert sum(text.get_text().startswith("group") for text in figure.axes[0].texts) == groups * (groups > 1)


def test_every_part_that_is_counted_has_a_colour() -> None:
    assert set(PARTS) == set(ROLES)
    assert len({(colour, hatch) for _, colour, hatch in PARTS.values()}) == len(PARTS)
