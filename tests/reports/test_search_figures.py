"""The figures of a search: their numbers, and that they are drawn."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from reports.search_figures import (
    ABSENT,
    draw_front,
    draw_importance,
    draw_parallel,
    front_points,
    levels,
    parallel_points,
)


def candidates(pairs: list[tuple[float, float]], search: str = "s") -> pd.DataFrame:
    return pd.DataFrame([{"search": search, "top1": top1, "macs": macs} for top1, macs in pairs])


NOTHING = pd.DataFrame(columns=["arm", "seed", "status", "top1"])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), min_size=1, max_size=12))
def test_the_front_is_what_no_other_candidate_beats(pairs: list[tuple[int, int]]) -> None:
    points = front_points(candidates(pairs), NOTHING, {})
    drawn = {(top1, macs * 1e9) for top1, macs in points.loc[points["front"], ["top1", "macs"]].itertuples(index=False)}
    beaten = {a for a in pairs for b in pairs if a != b and b[0] >= a[0] and b[1] <= a[1]}
    assert {(top1, round(macs)) for top1, macs in drawn} == set(pairs) - beaten


def test_each_search_has_a_front_of_its_own_and_what_failed_is_in_none() -> None:
    rows = pd.concat([candidates([(90, 2e9), (np.nan, 1e9)]), candidates([(80, 3e9)], "s (random)")], ignore_index=True)
    points = front_points(rows, NOTHING, {})
    assert points[["of", "macs", "front"]].values.tolist() == [["s", 2.0, True], ["s (random)", 3.0, True]]


def test_tested_models_have_their_mean_over_seeds_at_their_full_size() -> None:
    rows = [("a", 0, "done", 90.0), ("a", 1, "done", 92.0), ("a", 2, "failed", np.nan), ("b", 0, "done", 80.0)]
    tested = pd.DataFrame(rows, columns=["arm", "seed", "status", "top1"])
    points = front_points(candidates([(90, 2e9)]), tested, {"a": 4.8e9, "b": 1e9})
    a, b = points[points["panel"] == "test"].to_dict("records")
    assert (a["model"], a["macs"], a["top1"]) == ("a", 4.8, 91.0)
    assert a["top1_sd"] == np.std([90, 92], ddof=1)
    assert np.isnan(b["top1_sd"]), "one seed has no spread"
    figure = draw_front(points, "s", "digits")
    assert [axes.get_xlabel() for axes in figure.axes] == ["MACs (G) at full size"] * 2


def test_a_knob_that_a_candidate_has_not_stands_below_its_values() -> None:
    frame = pd.DataFrame(
        {
            "top1": [1.0, 2.0, np.nan],
            "pareto": [False, True, False],
            "point.kind": ["t2t", "patch", "patch"],
            "point.mixer": ["none", None, None],
            "point.depth": [4, 8, 8],
        }
    )
    values = {"kind": ["t2t", "patch"], "mixer": ["performer", "none"], "depth": [4, 6, 8], "never": [1, 2]}
    labels = {name: levels(frame, name, of) for name, of in values.items()}
    assert labels["mixer"] == [ABSENT, "performer", "none"]
    assert labels["never"] == [ABSENT, "1", "2"]
    lines = parallel_points(frame, values)
    assert lines["top1"].tolist() == [1.0, 2.0], "those that are done, the best is drawn last"
    assert lines["kind"].tolist() == [0.0, 1.0]
    assert lines["mixer"].tolist() == [1.0, 0.0]
    assert lines["depth"].tolist() == [0.0, 1.0]
    drawn = draw_parallel(lines, labels, "s").axes[0]
    assert [text.get_text() for text in drawn.get_xticklabels()] == ["kind", "mixer", "depth", "never"]


def test_importance_has_a_bar_a_knob_the_largest_on_top() -> None:
    shares = pd.DataFrame({"knob": ["depth", "width"], "mean": [0.7, 0.3], "sd": [0.1, 0.1]})
    (axes,) = draw_importance(shares, "s").axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["width", "depth"]
