"""The command line, in a process of its own; runs are in test_run.py."""

import json
from pathlib import Path

import pytest
from support import Studies, StudyFile, one_line


def test_help_teaches(studies: Studies) -> None:
    assert "a first session" in studies("--help").stdout
    for command in ("list", "show", "plan", "run", "report", "cost"):
        assert "example: studies" in studies(command, "--help").stdout


def test_list_names_studies_scales_and_presets(studies: Studies) -> None:
    content = json.loads(studies("list", "--json").stdout)
    assert "cnn_to_vit" in [study["name"] for study in content["studies"]]
    assert "digits" in [scale["name"] for scale in content["scales"]]
    assert "t2t_vit_14" in content["presets"]
    assert "cnn_to_vit" in studies("list").stdout


def test_show_prints_what_differs_from_the_base(studies: Studies) -> None:
    text = studies("show", "cnn_to_vit").stdout
    changes = "backbone.embed_dim=384, backbone.depth=16, backbone.num_heads=6"
    assert f"  ViT-DN: {changes} (24.4 M params, 5.20 G MACs)\n" in text
    small = studies("show", "cnn_to_vit", "--scale", "digits").stdout
    assert "AlexNet: not at this scale: alexnet takes pictures of at least 63 pixels" in small
    assert "  ViT-ResNeXt: backbone.num_heads=16 (194 k params, 3.36 M MACs)\n" in small
    assert small.endswith("\nbackbone.depth in CNN to T2T-ViT: 14 and 16 are both 4 at this scale\n")
    arms = json.loads(studies("show", "cnn_to_vit", "--json").stdout)["arms"]
    assert arms[-1]["model"]["backbone"]["attention"] == "ghost"
    assert (arms[-1]["trainable"], round(arms[-1]["macs"] / 1e6)) == (16_173_518, 3816)


def test_show_compares_two_arms(studies: Studies) -> None:
    text = studies("show", "cnn_to_vit", "--diff", "T2T-ViT-14", "T2T-ViT-Ghost").stdout
    assert text.splitlines() == [
        "backbone.depth: 14 -> 16",
        "backbone.attention: full -> ghost",
        "backbone.mlp: full -> ghost",
    ]
    assert "did you mean T2T-ViT-14" in one_line(studies("show", "cnn_to_vit", "--diff", "T2T-ViT-13", "ViT-SE"))


def test_the_schema_knows_the_keys_of_a_study_file(studies: Studies) -> None:
    schema = json.loads(studies("schema").stdout)
    assert {"study", "base", "arms", "groups", "ablate", "grid", "extends"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


@pytest.mark.slow
def test_cost_prints_one_spec(studies: Studies) -> None:
    figures = json.loads(studies("cost", "t2t_vit_14", "--json").stdout)
    assert figures["params"] == 21_545_550
    assert 4.79e9 < figures["macs"] < 4.81e9
    text = studies("cost", "t2t_vit_14", "backbone.depth=16", "-v").stdout
    assert "blocks.15" in text
    assert "24.502 M" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "cnn_to_vti"], "did you mean cnn_to_vit"),
        (["plan", "cnn_to_vit", "--scale", "digit"], "did you mean digits"),
        (["run", "cnn_to_vit", "--only", "ViT-SEE"], "did you mean ViT-SE"),
        (["run", "cnn_to_vit", "--only", "AlexNet"], "no arm can be had at scale digits"),
        (["cost", "t2t_vit_14", "backbone.deth=3"], "did you mean backbone.depth"),
        (["cost", "t2t_vit_14", "backbone.num_heads=7"], "num_heads must divide embed_dim"),
        (["cost", "t2t_vit14"], "did you mean t2t_vit_14"),
        (["run", "nowhere.yaml"], "cannot read nowhere.yaml"),
        (["report"], "say which table"),
        (["report", "--table", "6", "--figure", "f.bmp"], "a figure is written as .png"),
        (["report", "--table", "6", "--figure", "f.png"], "nothing is trained yet"),
        (["report", "--table", "8"], "--table: a whole number from 1 to 7, got '8'"),
        (["run", "cnn_to_vit", "--runs-dir", "/proc/runs"], "cannot write /proc/runs/store.json"),
    ],
)
def test_bad_input_is_one_line_and_exit_status_2(studies: Studies, arguments: list[str], message: str) -> None:
    assert message in one_line(studies(*arguments))


def test_a_typing_error_in_a_study_file_is_named_with_file_and_line(studies: Studies, study_file: StudyFile) -> None:
    path = study_file(arms={"a": {}, "b": {"backbone.dept": 8}})
    assert f"{path}:6: b: unknown field 'backbone.dept'; did you mean backbone.depth" in one_line(
        studies("run", str(path))
    )


@pytest.mark.slow
def test_report_before_any_training_prints_the_paper_and_how_to_train(studies: Studies, tmp_path: Path) -> None:
    done = studies("report", "--table", "6")
    assert done.returncode == 0, done.stderr
    assert "Wide-ResNet18x1.5" in done.stdout
    assert "studies run cnn_to_vit" in done.stdout
    rows = json.loads(studies("report", "--table", "6", "--format", "json").stdout)
    assert len(rows) == 23
    assert all(row["top1"] is None and row["params_m"] > 1 for row in rows)
    assert not (tmp_path / "runs").exists(), "a report writes nothing to a store that is not there"


def test_show_compares_what_arms_take_from_others(studies: Studies) -> None:
    example = str(Path(__file__).parents[3] / "examples" / "who_teaches.yaml")
    taught = studies("show", example, "--diff", "alone", "taught by ResNet").stdout
    assert taught == "teacher: null -> {arm: ResNet, kind: hard, alpha: 0.5, tau: 1.0}\n"
    assert studies("show", example, "--diff", "alone", "goes on from alone").stdout == "pretrained: null -> alone\n"
    assert studies("show", example, "--diff", "alone", "alone").stdout == "no difference between alone and alone\n"
    arms = {arm["arm"]: arm for arm in json.loads(studies("show", example, "--json").stdout)["arms"]}
    assert arms["softly by ResNet"]["teacher"] == {"arm": "ResNet", "kind": "soft", "alpha": 0.5, "tau": 2.0}
    assert arms["goes on from alone"]["pretrained"] == "alone"
    shown = studies("show", example).stdout
    assert "  softly by ResNet: teacher ResNet (soft, alpha 0.5, tau 2)" in shown
    assert "  goes on from alone: starts from alone" in shown
