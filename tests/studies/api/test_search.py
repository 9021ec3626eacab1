"""`studies.search`, as a notebook calls it."""

import re
from pathlib import Path

import pandas as pd
import pytest
from searches import SPACE

import studies
from searchspace.expand import SpecError
from searchspace.space import space_of
from studies.language.resolve import load_study
from studies.store.store import Store


@pytest.fixture
def how(tiny: Path, tmp_path: Path) -> dict:
    return {
        "space": space_of(SPACE), "max_macs": 2 * 10**9, "scale": tiny, "executor": "inline",
        "runs_dir": tmp_path / "runs", "trials": 5, "control": False, "final_presets": 0,
    }  # fmt: skip


@pytest.mark.slow
def test_a_search_gives_optunas_study_and_frames(how: dict, tmp_path: Path) -> None:
    found = studies.search("t2t_vit_14", **how, top=1, final_seeds=2, export=tmp_path / "out")
    assert [trial.values[0] for trial in found.study.trials] == found.frame["top1"].tolist()
    assert len(found.study.best_trials) == found.frame["pareto"].sum() == len(found.front)
    assert found.frame["search"].unique().tolist() == ["t2t_vit_14"]
    assert found.frame.filter(like="point.").shape == (5, 6)

    best = found.frame.sort_values(["top1", "macs"], ascending=[False, True]).iloc[0]
    results = found.results
    assert results.groupby("arm").size().to_dict() == {"t2t_vit_14": 2, "best 1": 2}
    tested = results[results["arm"] == "best 1"]
    store = Store(tmp_path / "runs")
    ranked, final = store.trial(best["trial"]), store.trial(tested["trial"].iloc[0])
    assert ranked.model == final.model
    assert ranked.data.validation == 0.2 and final.data.validation is None
    assert ranked.data.model_copy(update={"validation": None}) == final.data

    page = (tmp_path / "out" / "t2t_vit_14.html").read_text()
    heads = ["Front", "Pareto set of t2t_vit_14", "t2t_vit_14_best", "All candidates", "Good practice of architecture"]
    assert [head for head in heads if head not in page] == []
    first = found.front[0]
    assert f"Candidate {first.number}: {first.top1:.1f} % on validation pictures" in page

    assert found.exported == tmp_path / "out" / "t2t_vit_14.yaml"
    study = load_study(str(found.exported))
    assert [arm.model for arm in study.arms[1:]] == [one.model for one in found.front]

    extended = studies.search("t2t_vit_14", **how | {"trials": 7}, top=0)
    assert re.fullmatch(
        r"search \S+ at scale \S+: 7 of 7 candidates done, \d+ in the Pareto set, "
        r"the best [\d.]+ % on validation pictures \(.frame, .results, .checklist\)",
        repr(extended),
    )
    assert extended.frame.attrs == {"search": extended.asked.name, "scale": extended.asked.scale}
    pd.testing.assert_frame_equal(extended.frame.iloc[:5].drop(columns="pareto"), found.frame.drop(columns="pareto"))
    assert extended.final is None and extended.results.empty


def test_one_objective_has_one_best_candidate_and_equals(how: dict) -> None:
    found = studies.search("t2t_vit_14", **how | {"objectives": "top1", "trials": 3}, top=0)
    best = found.frame[found.frame["pareto"]]
    assert (best["top1"] == found.frame["top1"].max()).all()
    assert found.study.best_value == found.frame["top1"].max()


def test_bad_input_is_a_spec_error_and_nothing_is_written(how: dict, tmp_path: Path) -> None:
    for wrong in (
        {"trials": 0},
        {"sampler": "tpa"},
        {"seed": -1},
        {"final_seeds": 0},
        {"top": 1000},
        {"validation": 2},
    ):
        with pytest.raises(SpecError):
            studies.search("t2t_vit_14", **how | wrong)
    assert not (tmp_path / "runs").exists()
