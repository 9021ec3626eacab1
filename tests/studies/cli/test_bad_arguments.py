"""Bad arguments: one line that says which, what was given and what would work; nothing is written."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from studies.cli.parser import main

Refused = Callable[..., str]
HOW_MANY = "--seeds: how many (1 to 1000), or a list of whole numbers from 0 on (at most 1000, below 2^63), got {}; for"
SECONDS = "a number above 0 and up to 10000000, got"
HUGE = "9" * 5000  # digits: more than Python reads


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "the following arguments are required: command (studies --help)"),
        ("fly", "unknown command 'fly'; known: list, schema, show"),
        ("rnu", "unknown command 'rnu'; did you mean run?"),
        ("store sl", "unknown command 'sl'; did you mean ls? (studies store --help)"),
        ("store", "the following arguments are required: command"),
        ("run", "the following arguments are required: study (studies run --help)"),
        ("run s.yaml --sedes 3", "unrecognized arguments: --sedes 3; did you mean --seeds"),
        ("search t2t_vit_14 --seeds 3", "unrecognized arguments: --seeds 3; did you mean --seed, --final-seeds"),
        ("search t2t_vit_14 --seeds=3", "unrecognized arguments: --seeds=3; did you mean --seed, --final-seeds"),
        ("list --jsn", "unrecognized arguments: --jsn; did you mean --json? (studies list --help)"),
        (
            "store ls --stauts done",
            "unrecognized arguments: --stauts done; did you mean --status? (studies store ls --",
        ),
        ("schema x", "unrecognized arguments: x (studies schema --help)"),
        ("show cnn_to_vit --diff a", "--diff: expected 2 arguments"),
        ("run s.yaml --executor ry", "unknown --executor 'ry'; did you mean ray?"),
        ("report s.yaml --format pdf", "unknown --format 'pdf'; known: text, md, latex, csv, json"),
        ("store ls --status don", "unknown --status 'don'; did you mean done?"),
        ("plan s.yaml --seeds 0", HOW_MANY.format("'0'")),
        ("plan s.yaml --seeds 00", HOW_MANY.format("'00'")),
        ("plan s.yaml --seeds -1", HOW_MANY.format("'-1'")),
        ("plan s.yaml --seeds x", HOW_MANY.format("'x'")),
        ("plan s.yaml --seeds ,", HOW_MANY.format("','")),
        ("plan s.yaml --seeds 1,,2", HOW_MANY.format("'1,,2'")),
        ("plan s.yaml --seeds 1;2", HOW_MANY.format("'1;2'")),
        ("plan s.yaml --seeds 1.5", HOW_MANY.format("'1.5'")),
        ("plan s.yaml --seeds 0-3", HOW_MANY.format("'0-3'")),
        ("plan s.yaml --seeds 1001", HOW_MANY.format("'1001'")),
        ("run s.yaml --seeds 99999999999", HOW_MANY.format("'99999999999'")),
        ("report s.yaml --seeds 0,99999999999999999999", HOW_MANY.format("'0,99999999999999999999'")),
        (f"run s.yaml --seeds {HUGE}", "--seeds: how many (1 to 1000)"),
        ("run s.yaml --seeds 0,0", "--seeds: each seed once, got 0 twice in '0,0'"),
        ("run s.yaml --seeds 1,2,01", "--seeds: each seed once, got 1 twice in '1,2,01'"),
        ("run s.yaml --jobs 0", "--jobs: a whole number from 1 to 10000, got '0' (studies run --help)"),
        ("run s.yaml --jobs ²", "--jobs: a whole number from 1 to 10000, got '²'"),
        ("run s.yaml --jobs 1e3", "--jobs: a whole number from 1 to 10000, got '1e3'"),
        ("run s.yaml --jobs 99999999", "--jobs: a whole number from 1 to 10000, got '99999999'"),
        ("plan s.yaml --devices 0", "--devices: a whole number from 1 to 1000000, got '0'"),
        ("plan s.yaml --device-type banana", "no figures for --device-type banana; known: v100"),
        ("run s.yaml --gpus-per-trial nan", "--gpus-per-trial: a number from 0 to 1024, got 'nan'"),
        ("run s.yaml --gpus-per-trial -1", "--gpus-per-trial: a number from 0 to 1024, got '-1'"),
        ("run s.yaml --gpus-per-trial 1.5", "a trial takes a share of one device or whole ones"),
        ("run s.yaml --gpus-per-trial 1e9", "--gpus-per-trial: a number from 0 to 1024, got '1e9'"),
        ("run s.yaml --cpus-per-trial 0", "--cpus-per-trial: a number above 0 and up to 1024, got '0'"),
        ("run s.yaml --cpus-per-trial 1.5", "--cpus-per-trial: whole cores, or a share of one above 0, got '1.5'"),
        ("run s.yaml --cpus-per-trial inf", "--cpus-per-trial: a number above 0 and up to 1024, got 'inf'"),
        ("run s.yaml --grace-period 0", "--grace-period: a whole number from 1 to 100000, got '0'"),
        ("run s.yaml --grace-period 1.5", "--grace-period: a whole number from 1 to 100000, got '1.5'"),
        ("run s.yaml --reduction-factor 1", "--reduction-factor: a number above 1 and up to 1000, got '1'"),
        ("run s.yaml --reduction-factor inf", "--reduction-factor: a number above 1 and up to 1000, got 'inf'"),
        ("run s.yaml --checkpoint-every 0", f"--checkpoint-every: {SECONDS} '0'"),
        ("run s.yaml --checkpoint-every 1e300", f"--checkpoint-every: {SECONDS} '1e300'"),
        ("run s.yaml --step-timeout -5", f"--step-timeout: {SECONDS} '-5'"),
        ("run s.yaml --cluster-silence nan", f"--cluster-silence: {SECONDS} 'nan'"),
        ("run s.yaml --address x", "--address is HOST:PORT, or auto for the cluster that runs here, got 'x'"),
        ("run s.yaml --address nowhere.invalid:1", "no Ray cluster at --address nowhere.invalid:1: "),
        ("run s.yaml --address localhost:1", "no Ray cluster at --address localhost:1: "),
        ("run s.yaml --executor inline --jobs 2", "--executor inline trains one trial at a time"),
        ("run s.yaml --executor inline --early-stop", "--early-stop compares trials that run at the same time"),
        ("run s.yaml --executor inline --runs-dir /proc/runs", "cannot write /proc/runs/store.json"),
        ("run s.yaml --runs-dir s.yaml", "s.yaml is no folder: choose another --runs-dir"),
        ("plan s.yaml --runs-dir nosuch://x", "cannot open the store nosuch://x"),
        ("plan s.yaml --only nope", "no arm or group of s matches 'nope'; known: s, a, b"),
        ("plan s.yaml --scale nope", "unknown scale 'nope'; known: cifar10"),
        ("plan s.yaml --scale folder.yaml", "cannot read folder.yaml: Is a directory"),
        ("show folder.yaml", "cannot read folder.yaml: Is a directory"),
        ("show /", "cannot read /: Is a directory"),
        (f"show {'x' * 5000}.yaml", "cannot read xxx"),
        ("report", "say which table: --table 6, the name of a study, or --claims"),
        ("report --table 6 cnn_to_vit", "say which table: --table 6, the name of a study, or --claims"),
        ("report --table 0", "--table: a whole number from 1 to 7, got '0'"),
        ("report --table 8", "--table: a whole number from 1 to 7, got '8'"),
        ("report --table true", "--table: a whole number from 1 to 7, got 'true'"),
        ("report --table 6 --figure x.bmp", "a figure is written as .png, .pdf, .svg, got 'x.bmp'"),
        ("report s.yaml --compare a c", "no arm 'c' in s; known: a, b"),
        ("report --table 6 --compare ViT-SE ViT-SW2", "no arm 'ViT-SW2' in cnn_to_vit; did you mean ViT-SW, "),
        ("report --table 6 --compare ViT-SE ViT-SE", "two different arms are compared, got 'ViT-SE' twice"),
        ("report --table 6 --compare ViT-SE AlexNet", "AlexNet is not at scale digits: alexnet takes pictures of"),
        ("report --claims --compare a b", "--compare is of two arms: it goes with no --claims, --figure"),
        ("report s.yaml --compare a b --figure x.png", "--compare is of two arms: it goes with no --claims, --figure"),
        ("report s.yaml --compare a", "--compare: expected 2 arguments"),
        ("report s.yaml --figure x.png", "no figure: nothing is trained yet of s at scale digits in"),
        ("report s.yaml --figure curve", "no figure 'curve'; known: macs, params, curves, forest, trials, cost,"),
        ("report s.yaml --figure curves --out x.bmp", "a figure is written as .png, .pdf, .svg, got 'x.bmp'"),
        ("report s.yaml --figure x.png --out y.png", "two files for one figure, x.png and y.png"),
        ("report s.yaml --out y.png", "--out is for a figure: say which, as --figure macs"),
        ("report s.yaml --figure cost --only nobody", "no arm or group of s matches 'nobody'"),
        ("store show zz", "no trial 'zz' in "),
        ("store rm", "say which: ids of trials"),
        ("store ls --runs-dir s.yaml", "s.yaml is no folder"),
        ("store export --out s.yaml", "cannot write to s.yaml: File exists; choose another --out"),
        ("store migrate", "there is no store at "),
        ("cost t2t_vit14", "unknown preset 't2t_vit14'; did you mean t2t_vit_14"),
        ("cost t2t_vit_14 backbone.depth", "an override is written field=value, for example backbone.depth=16; got"),
        ("cost t2t_vit_14 =3", "unknown field ''; known: backbone"),
        ("cost t2t_vit_14 backbone.depth=", "backbone.depth: a whole number from 1 to 1000, got None"),
        ("cost t2t_vit_14 backbone.depth=true", "backbone.depth: a whole number from 1 to 1000, got True"),
        (
            "cost t2t_vit_14 backbone.depth=3 backbone.depth=4",
            "backbone.depth is given twice, as 3 and 4: leave one out",
        ),
        ("cost t2t_vit_14 backbone.depth=3.5", "backbone.depth: a whole number from 1 to 1000, got 3.5"),
        (
            f"cost t2t_vit_14 backbone.depth=0x{'F' * 5000}",
            "depth: a whole number from 1 to 1000, got a whole number of",
        ),
        (f"cost t2t_vit_14 backbone.depth={HUGE}", "the value of 'backbone.depth' is not YAML: '999"),
        (f"cost t2t_vit_14 backbone.depth={'[' * 500}", "the value of 'backbone.depth' is not YAML: '[[["),
        ("cost t2t_vit_14 backbone.depth=2020-13-45", "the value of 'backbone.depth' is not YAML: '2020-13-45'"),
        ("cost t2t_vit_14 backbone.norm_eps=.inf", "backbone.norm_eps: a number above 0 and up to 1, got inf"),
        (
            "cost t2t_vit_14 backbone.embed_dim=99999999999",
            "backbone.embed_dim: a whole number from 1 to 16384, got 9999",
        ),
        ("cost t2t_vit_14 backbone.embed_dim=16384 backbone.depth=1000", "embed_dim 16384, depth 1000 and mlp_ratio 3"),
        (
            "cost t2t_vit_14 backbone.mlp_ratio=0.001",
            "mlp_ratio times embed_dim, the width of the MLP, must be at least 1",
        ),
        ("cost t2t_vit_14 img_size=99999", "img_size: a whole number from 1 to 8192, got 99999"),
        ("cost t2t_vit_14 img_size=8192", "img_size 8192 x 8192 and tokenizer.splits[0] would make 6.17e+08 values"),
        ("cost t2t_vit_14 tokenizer={kind:patch,patch_size:8000}", "tokenizer.kind"),
        ("cost t2t_vit_14 tokenizer.splits=[[7,4]]", "tokenizer.splits.0.2: Field required"),
        ("cost resnet50 img_size=8192", "img_size 8192 x 8192 and a first convolution of 64 channels would make"),
        ("cost resnet50 args.foo=.nan", "args.foo: a number from -1000000 to 1000000, got nan"),
        ("cost resnet50 args.foo=3", "timm cannot make 'resnet50': "),
        ("cost resnet50 args.block=[1]", "timm cannot make 'resnet50': "),
        ("cost resnet50 args.output_stride=7", "timm cannot make 'resnet50': it does not take its arguments"),
        (
            "cost resnet50 widths.channels=[64]",
            "one number for each stage of layers: widths.channels has 1, depths.layers",
        ),
        ("cost resnet50 depths.layers=[500,500,500,500]", "depths.layers would make 2e+03 layers, and at most 1e+03"),
        (
            "cost resnet50 widths.channels=[16384,16384,16384,16384]",
            "would make 8.49e+10 parameters, and at most 5e+10",
        ),
        ("cost vgg11 stem=small", "timm cannot make 'vgg11': VGG has no stem to change"),
        ("evaluate", "say what to evaluate: PRESET --weights FILE --data DIR, or --trial ID"),
        ("evaluate t2t_vit_7 --weights w.pth", "on a folder of pictures: add --data DIR"),
        ("evaluate t2t_vit_7 --data d", "with weights from a file on a folder of pictures: add --weights FILE"),
        ("evaluate --weights w.pth --trial 3f2a", "or --trial: got --weights and --trial 3f2a"),
        ("evaluate --trial 3f2a --crop-pct 1", "--crop-pct is for a preset: the data of trial 3f2a has its own"),
        ("evaluate --trial 3f2a", "/runs, which has none; --runs-dir or $STUDIES_RUNS_DIR names another store"),
        ("evaluate --trial=", "--trial: text that is not empty, got ''"),
    ],
)
def test_bad_arguments_are_one_line_that_says_what_would_work(refused: Refused, line: str, message: str) -> None:
    Path("folder.yaml").mkdir()
    Path("s.yaml").write_text("study: s\nbase: t2t_vit_14\narms: {a: {}, b: {backbone.depth: 8}}\n")
    assert message in refused(*line.split(" ") if line else ())


@pytest.mark.parametrize(
    "arguments",
    [
        *[("run", "s.yaml", f"--{name}=") for name in ("runs-dir", "scale", "only", "address", "device-type", "data")],
        *[("report", "--table", "6", f"--{name}=") for name in ("runs-dir", "scale", "figure")],
        ("show", ""),
        ("cost", " "),
        ("store", "show", ""),
        ("store", "export", "--out="),
        ("evaluate", "t2t_vit_7", "--weights=", "--data", "d"),
        ("evaluate", "t2t_vit_7", "--weights", "w", "--data", "d", "--device="),
    ],
)
def test_empty_text_is_refused(refused: Refused, arguments: tuple[str, ...]) -> None:
    assert ": text that is not empty, got '" in refused(*arguments)


def test_an_empty_variable_of_the_environment_is_none(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIES_RUNS_DIR", "")
    assert "/runs, which has none" in refused("store", "show", "zz")


def test_one_seed_is_a_list_with_a_comma(capsys: pytest.CaptureFixture[str]) -> None:
    from studies.cli.arguments import seeds

    assert (seeds("3"), seeds("3,"), seeds("5, 2")) == ((0, 1, 2), (3,), (5, 2))


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("studies 0.")


def test_a_table_that_there_is_not_is_refused_before_anything_heavy_is_imported() -> None:
    code = (
        "import sys; from studies.cli.parser import main; status = main(['report', '--table', '0']);"
        "sys.exit(' '.join({'torch', 'pandas', 'matplotlib'} & set(sys.modules)) or status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("option", "value"), [("--device-type", "nonsense"), ("--runs-dir", "/proc/runs")])
def test_a_run_that_ray_or_the_store_refuses_says_and_writes_nothing_more(
    refused: Refused, option: str, value: str
) -> None:
    Path("s.yaml").write_text("study: s\nbase: t2t_vit_14\narms: {a: {}, b: {backbone.depth: 8}}\n")
    assert value in refused("run", "s.yaml", "--seeds", "1", option, value)
