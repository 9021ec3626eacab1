import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from stores import RESULT
from support import errors

import studies
from studies.cli.arguments import amount
from studies.cli.parser import main
from studies.cli.space import _correlation
from studies.language.scale_file import load_scale
from studies.language.space_file import load_space
from studies.searching.candidates import ranking_trial
from studies.store.store import Store

SPACE: dict[str, Any] = {
    "name": "mine",
    "base": "t2t_vit_7",
    "knobs": {
        "img_size": [64],
        "tokenizer.kind": ["t2t", "patch"],
        "tokenizer.mixer": {"values": ["performer", "none"], "when": {"tokenizer.kind": "t2t"}},
        "backbone.depth": {"low": 2, "high": 9},
        "backbone.embed_dim": [64, 96],
        "backbone.num_heads": {"per": "backbone.embed_dim", "divide_by": [32, 64]},
    },
}
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A space file, of which some knobs are others."""

    def written(**knobs: Any) -> str:
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump(SPACE | {"knobs": SPACE["knobs"] | knobs}, sort_keys=False))
        return str(path)

    return written


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 2
    (line,) = errors(capsys.readouterr().err)
    return line


def test_spaces_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["space", "list"]) == 0
    assert "digits_small  t2t_vit_14        5        432" in capsys.readouterr().out
    assert main(["space", "list", "--json"]) == 0
    assert {"paper", "digits"} <= {space["name"] for space in json.loads(capsys.readouterr().out)}


def test_show_says_what_a_space_is_and_what_a_budget_leaves(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["space", "show", write(), "--max-macs", "5M"]) == 0
    out = capsys.readouterr().out
    assert "mine: 96 points around t2t_vit_7" in out
    assert "tokenizer.mixer     performer, none         tokenizer.kind t2t" in out
    assert main(["space", "show", write(), "--max-macs", "5M", "--json", "-n", "500"]) == 0
    found = json.loads(capsys.readouterr().out)
    low, high = found["models_interval"]
    assert low < 75 < high, "a head of 64 does not divide a width of 96"
    assert found["cheapest"]["macs"] < found["dearest"]["macs"] <= 5_000_000
    assert found["cheapest"]["point"]["backbone.depth"] == 2
    assert 0 < found["within_percent"] < 100


def test_costs_can_be_those_at_a_scale(write: Write) -> None:
    whole, small = (studies.space_facts(write(), samples=20, scale=scale) for scale in (None, "digits"))
    assert small.extremes["dearest"][1]["macs"] < 0.1 * whole.extremes["dearest"][1]["macs"]


def test_stats_keep_the_budget_and_are_written(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figure, table = tmp_path / "costs.png", tmp_path / "costs.csv"
    arguments = [
        "space",
        "stats",
        write(),
        "-n",
        "40",
        "--max-macs",
        "5M",
        "--figure",
        str(figure),
        "--csv",
        str(table),
    ]
    assert main(arguments) == 0
    assert "40 random models of space" in capsys.readouterr().out
    frame = pd.read_csv(table)
    assert len(frame) == 40 and frame["macs"].max() <= 5_000_000 and figure.stat().st_size > 0
    again = studies.space_stats(write(), samples=40, max_macs=5_000_000)
    assert again["macs"].tolist() == frame["macs"].tolist(), "the same seed, the same models"


def test_stats_tell_the_errors_of_models_that_are_trained_at_the_scale(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, figure, runs = write(), tmp_path / "costs.png", str(tmp_path / "runs")
    arguments = ["space", "stats", path, "-n", "20", "--scale", "digits", "--runs-dir", runs]
    assert main(arguments) == 0
    assert (
        f"no trained models of space mine at scale digits in {runs}: `studies search {path}" in capsys.readouterr().out
    )
    Store(runs).prepare()
    space, scale = load_space(path), load_scale("digits")
    for number, point in enumerate([point for point in space.points() if space.valid(point)][::40]):
        trial = ranking_trial(space.spec(point), space.base, scale, 0)
        Store(runs).plan(trial)
        Store(runs).finish(trial.id, {**RESULT, "top1": 80.0 + number}, None)  # type: ignore[typeddict-item]
    assert main([*arguments, "--figure", str(figure)]) == 0
    out = capsys.readouterr().out
    assert "2 models of it trained at scale digits, error on test pictures" in out
    assert re.search(r"error \(%\) +19\.0 .* 20\.0", out)
    assert figure.stat().st_size > 0
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trained"]["error"]["median"] == 19.5
    assert sorted(studies.space_results(path, runs_dir=runs)["top1"]) == [80.0, 81.0]
    assert main(["space", "stats", path, "-n", "20"]) == 0
    assert "--scale adds the errors of models that were trained there" in capsys.readouterr().out


def test_scores_are_compared_with_the_accuracies_of_trained_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, csv = str(tmp_path / "runs"), tmp_path / "models.csv"
    arguments = ["space", "rank", "digits_small", "--runs-dir", runs]
    assert "no trained models of space digits_small at scale digits" in refused_last(arguments, capsys)
    space, scale = load_space("digits_small"), load_scale("digits")
    Store(runs).prepare()
    for point in list(space.points())[::57]:
        trial = ranking_trial(space.spec(point), space.base, scale, 0)
        Store(runs).plan(trial)
        top1 = 60.0 + point["backbone.depth"] + point["backbone.embed_dim"] / 64
        Store(runs).finish(trial.id, {**RESULT, "top1": top1}, None)  # type: ignore[typeddict-item]
    assert main([*arguments, "--scores", "dss", "naswot", "--pictures", "16", "--csv", str(csv)]) == 0
    out = capsys.readouterr().out
    assert "8 models of space digits_small trained at scale digits, accuracy on test pictures" in out
    assert re.search(r"^dss +[+-]\d\.\d\d \([+-]\d\.\d\d to ", out, re.MULTILINE)
    assert {"params", "macs", "dss", "naswot", "top1", "backbone.depth"} <= set(pd.read_csv(csv).columns)
    assert main([*arguments, "--scores", "params", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["models"] == 8
    assert [score["score"] for score in found["scores"]] == ["params", "macs"]
    assert "unknown score 'dsss'; did you mean dss" in refused([*arguments, "--scores", "dsss"], capsys)


def refused_last(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The refusal after the warning that there is no store."""
    assert main(arguments) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_a_space_is_refused_with_its_file_and_line(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    for knobs, key, message in (
        ({"backbone.dpeth": [3]}, "backbone.dpeth", "unknown field 'backbone.dpeth'; did you mean backbone.depth"),
        ({"backbone.depth": {"low": 9, "high": 3}}, "backbone.depth", "low must be at most high, got low 9 and high 3"),
    ):
        path = write(**knobs)
        line = 1 + next(i for i, text in enumerate(Path(path).read_text().splitlines()) if text.strip() == f"{key}:")
        assert f"{path}:{line}: knobs.{key}: {message}" in refused(["space", "show", path], capsys)
    assert "knobs.backbone.depth.lwo: unknown field; did you mean low" in refused(
        ["space", "show", write(**{"backbone.depth": {"lwo": 9}})], capsys
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("space show papr", "unknown space 'papr'; did you mean paper?; a file of yours is named with its .yaml"),
        ("space show no.yaml", "cannot read no.yaml: No such file or directory"),
        ("space show digits --max-macs 1G --min-macs 2G", "min_macs must be at most max_macs, got 2,000,000,000 and"),
        ("space show digits --max-params 2X", "--max-params: a whole number of at least 1, which may end in k, M or G"),
        ("space show digits --scale digit", "unknown scale 'digit'; did you mean digits"),
        ("space stats digits -n 0", "-n/--samples: a whole number from 10 to 100000, got '0'"),
        ("space stats digits --figure x.doc", "a figure is written as .png, .pdf, .svg, got 'x.doc'"),
        ("space", "the following arguments are required: command (studies space --help)"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in refused(line.split(), capsys)


@pytest.mark.parametrize(
    ("text", "count"),
    [("2G", 2 * 10**9), ("10M", 10**7), ("500k", 500_000), ("1.5g", 1_500_000_000), ("4.29M", 4_290_000), ("7", 7)],
)
def test_an_amount_may_end_in_a_unit(text: str, count: int) -> None:
    assert amount(text) == count


@pytest.mark.parametrize(
    "text", ["", "G", "0", "-1", "1.5", "0.0001k", "1e9", "2 G", "2GB", "nan", "²", "9" * 30, "9" * 18 + "G"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Exception, match="a whole number of at least 1, which may end in k, M or G"):
        amount(text)


def test_a_correlation_that_rounds_to_zero_has_no_minus_sign() -> None:
    row = {"kendall": -0.001, "kendall_low": -0.012, "kendall_high": 0.3}
    assert _correlation(row, "kendall") == "+0.00 (-0.01 to +0.30)"
