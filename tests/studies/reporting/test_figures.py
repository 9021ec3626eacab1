"""Figures of a study from a store in which nothing was really trained."""

from pathlib import Path

import pytest
import yaml
from figure_texts import check_texts
from stored import result

import studies
from searchspace.cost.remembered import costs, costs_by_role
from searchspace.expand import SpecError
from searchspace.presets import preset
from studies.api.figures import KINDS, asked_for
from studies.cli.parser import main
from studies.language.expansion import at_scale, trials
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale
from studies.store.store import Store

ARMS = {"base": {}, "deeper, and with a name that is longer than a line has room for": {"backbone.depth": 10}}
DRAWN = [kind for kind, (module, *_) in KINDS.items() if module == "studies.reporting.drawn"]  # from results and costs


@pytest.fixture
def mine(tmp_path: Path) -> tuple[Path, Store]:
    """A study of two arms, three seeds each, and a store that has them."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"study": "mine", "base": "vit_s_16", "arms": ARMS}, sort_keys=False))
    return path, filled(path, tmp_path / "runs")


def filled(study: str | Path, root: Path, only: tuple[str, ...] = ()) -> Store:
    store, loaded = Store(root), load_study(str(study))
    store.prepare()
    keys = {arm.key for arm in loaded.select(only)}
    arms = [item for item in at_scale(loaded, load_scale("digits")) if item.arm.key in keys]
    for i, (_, trial) in enumerate(trials(arms, (0, 1, 2), lambda arm, seed: True)):
        store.plan(trial)
        model = costs([trial.model])[0]
        store.finish(trial.id, result(80 + (i * 37 % 100) / 10) | model)
    return store


@pytest.mark.parametrize("kind", DRAWN)
def test_each_kind_is_drawn_of_a_study_of_ones_own_and_no_text_lies_on_another(
    mine: tuple[Path, Store], kind: str
) -> None:
    figure = studies.figure(mine[0], kind, runs_dir=mine[1].root)
    check_texts(figure)


@pytest.mark.slow
@pytest.mark.parametrize("kind", DRAWN)
def test_no_text_lies_on_another_in_the_figures_of_the_demo(tmp_path: Path, kind: str) -> None:
    store = filled("cnn_to_vit", tmp_path / "runs")
    figure = studies.figure("cnn_to_vit", kind, runs_dir=store.root)
    check_texts(figure)


def test_report_draws_the_kind_that_is_asked_for_and_prints_the_table(
    mine: tuple[Path, Store], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    path, store = mine
    asked = ["report", str(path), "--runs-dir", store.root]
    assert main(asked) == 0
    table = capfd.readouterr()
    assert "figure" not in table.err and not Path(store.root, "figures").exists(), "a report writes no file unasked"
    drawn = {
        ("--figure", "curves"): f"{store.root}/figures/mine_digits_curves.png",
        ("--figure", "trials", "--out", "folder/x.svg"): "folder/x.svg",
        ("--figure", "macs.pdf"): "macs.pdf",
        ("--figure", "forest", "--only", "deeper*"): f"{store.root}/figures/mine_digits_forest.png",
    }
    for how, file in drawn.items():
        assert main([*asked, *how]) == 0
        told = capfd.readouterr()
        assert told.out == table.out and f"figure: {file}" in told.err.splitlines()
        assert Path(file).stat().st_size > 1000


def test_only_some_arms_are_drawn_where_they_are_named(mine: tuple[Path, Store]) -> None:
    def names(kind: str) -> list[str]:
        figure = studies.figure(mine[0], kind, only=["base"], runs_dir=mine[1].root)
        return [text.get_text() for text in figure.axes[0].get_yticklabels()]

    assert names("cost") == names("trials") == ["base"]
    figure = studies.figure(mine[0], "macs", only=["base"], runs_dir=mine[1].root)
    assert [text.get_text() for text in figure.axes[0].texts] == ["base"]
    with pytest.raises(SpecError, match="no arm has an interval"):
        studies.figure(mine[0], "forest", only=["base"], runs_dir=mine[1].root)


def test_costs_need_no_training_and_all_else_does(mine: tuple[Path, Store], tmp_path: Path) -> None:
    empty = Store(tmp_path / "empty")
    empty.prepare()
    assert len(studies.figure(mine[0], "cost", runs_dir=empty.root).axes) == 2
    for kind in set(DRAWN) - {"cost"}:
        with pytest.raises(SpecError, match="nothing is trained yet of mine at scale digits in"):
            studies.figure(mine[0], kind, runs_dir=empty.root)


def test_with_one_seed_no_interval_is_invented(mine: tuple[Path, Store]) -> None:
    with pytest.raises(SpecError, match="no arm has an interval: that takes two seeds"):
        studies.figure(mine[0], "forest", seeds=1, runs_dir=mine[1].root)
    (axes,) = studies.figure(mine[0], "macs", seeds=1, runs_dir=mine[1].root).axes
    assert len(axes.collections) == 0, "no bars"


def test_an_unknown_kind_is_told_with_those_that_there_are() -> None:
    with pytest.raises(SpecError, match=r"^no figure 'curve'; known: macs, params, curves, forest, trials, cost"):
        studies.figure("cnn_to_vit", "curve")
    assert asked_for("x.svg") == ("macs", Path("x.svg"))
    assert asked_for("cost") == ("cost", None)


def test_the_parts_of_a_model_add_up_to_it() -> None:
    models = [preset("t2t_vit_dense"), preset("deit_small_distilled")]
    for whole, roles in zip(costs(models), costs_by_role(models), strict=True):
        assert {name: sum(part[name] for part in roles.values()) for name in whole} == whole
    dense, distilled = costs_by_role(models)
    assert set(dense) == {"tokenizer", "attention", "mlp", "norm", "growth", "transition", "head"}
    assert distilled["head"]["params"] == 2 * (384 * 1000 + 1000)
    assert distilled["head"]["macs"] == 2 * 384 * 1000
