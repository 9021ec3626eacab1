import pandas as pd
import pytest

from reports.distribution import cost_distribution, draw_cost_distribution

MODELS = pd.DataFrame({"macs": [3e9, 1e9, 2e9, 2e9], "params": [1e6, 2e6, 3e6, 4e6]})
RESULTS = pd.DataFrame({"macs": [1e9, 2e9, 3e9], "params": [1e6, 2e6, 3e6], "top1": [70.0, 60.0, float("nan")]})


def test_the_share_of_models_that_cost_at_most_so_much() -> None:
    points = cost_distribution(MODELS)
    macs = points[points["figure"] == "macs"]
    for value in MODELS["macs"]:
        assert macs[macs["value"] == value]["share"].max() == (MODELS["macs"] <= value).mean()
    assert set(points["figure"]) == {"macs", "params"}


def test_trained_models_stand_beside_with_their_errors() -> None:
    trained = cost_distribution(MODELS, RESULTS)
    trained = trained[trained["of"] == "trained"]
    errors = trained[trained["figure"] == "error"]
    assert errors[["value", "share"]].to_numpy().tolist() == [[30.0, 0.5], [40.0, 1.0]]
    assert set(trained[trained["figure"] == "macs"]["value"]) == {1e9, 2e9}, "those without an accuracy are no result"


@pytest.mark.parametrize(("results", "panels"), [(None, 2), (RESULTS, 3)])
def test_a_panel_is_drawn_for_each_figure(results: pd.DataFrame | None, panels: int) -> None:
    figure = draw_cost_distribution(cost_distribution(MODELS, results), "mine")
    assert len(figure.axes) == panels
    assert [len(axes.lines) for axes in figure.axes] == [1 + (results is not None)] * 2 + [1] * (panels - 2)
    assert figure.axes[0].lines[0].get_xdata().tolist() == [1, 2, 2, 3], "in 10^9"


def test_costs_are_in_a_unit_that_fits() -> None:
    small = MODELS.assign(macs=MODELS["macs"] / 1e3, params=MODELS["params"] / 1e6)
    labels = [axes.get_xlabel() for axes in draw_cost_distribution(cost_distribution(small, RESULTS[:0]), "x").axes]
    assert labels == ["MACs (M)", "Params"]
