"""Bad study and scale files: one line with file and line, what was given and what would work; nothing is trained."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

Refused = Callable[..., str]
BASE = "study: s\nbase: t2t_vit_14\n"
SEEDS = "seeds: how many (1 to 1000), or a list of whole numbers from 0 on (at most 1000, below 2^63), got"
CLIP = "recipe.clip_grad: a number above 0 and up to 1000000, or null for none, got"
LIMIT = "a number from -1000000000000 to 1000000000000, got"
NAMES = "abcdefg"
ALIASES = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in pairwise(NAMES))


def arm(changes: str) -> str:
    return f"{BASE}arms: {{a: {{{changes}}}}}\n"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("backbone.depth: true", "backbone.depth: a whole number from 1 to 1000, got True"),
        ("backbone.depth: null", "backbone.depth: a whole number from 1 to 1000, got None"),
        ("backbone.depth: -3", "backbone.depth: a whole number from 1 to 1000, got -3"),
        ("backbone.depth: {x: 3}", "backbone.depth: a whole number from 1 to 1000, got {'x': 3}"),
        ("backbone: 3", "backbone: a mapping of its fields, `key: value`, got 3"),
        ("backbone.mlp_ratio: .nan", "backbone.mlp_ratio: a number above 0 and up to 64, got nan"),
        ("backbone.norm_eps: .inf", "backbone.norm_eps: a number above 0 and up to 1, got inf"),
        ("backbone.drop_path_rate: 1", "backbone.drop_path_rate: a number from 0 to below 1, got 1"),
        ("tokenizer.splits: [[true, 4, 2]]", "tokenizer.splits.0.0: a whole number from 1 to 512, got True"),
        ("tokenizer.splits: [[7, 4, 2], [3, 2]]", "tokenizer.splits.1.2: Field required"),
        ("tokenizer.splits: abc", "tokenizer.splits: a list, got 'abc'"),
        ("tokenizer.kind: [t2t]", "tokenizer.kind: must be one of 'patch', 't2t', 'conv', got"),
        ("img_size: [224, .inf]", "img_size.1: a whole number from 1 to 8192, got inf"),
        ("img_size: true", "img_size: a whole number from 1 to 8192, got True"),
        ("num_classes: 1.0e+9", "num_classes: a whole number from 0 to 1000000, got 1000000000.0"),
        ("in_chans: 0", "in_chans: a whole number from 1 to 1024, got 0"),
        ("distilled: 7", "distilled: true or false, got 7"),
        ("recipe.lr: true", "recipe.lr: a number above 0 and up to 1000, got True"),
        ("recipe.epochs: 1.5", "recipe.epochs: a whole number from 1 to 100000, got 1.5"),
        ("recipe.betas: 0.9", "recipe.betas: a list, got 0.9"),
        ("recipe.clip_grad: -1", f"{CLIP} -1"),
        ("recipe.clip_grad: 0", f"{CLIP} 0"),
        ("recipe.clip_grad: .nan", f"{CLIP} nan"),
        ("recipe.clip_grad: false", f"{CLIP} False"),
        ("recipe.min_lr: 1", "recipe: min_lr must be at most lr, got 1 and 0.002"),
        ("recipe.weight_decay: .inf", "recipe.weight_decay: a number from 0 to 1000, got inf"),
        (
            "recipe.shift: 16",
            "recipe.shift must be less than data.img_size, so that something of a picture is left, got",
        ),
        ("recipe.lr: 0.1, recipe: {lr: 0.2}", "recipe.lr is given twice"),
        ("data.noise: .inf", "data.noise: a number from 0 to 1000, got inf"),
        ("data.rotation: 1.0e+30", "data.rotation: a number from 0 to 6.28319, got 1e+30"),
        ("data.train_size: 99999999999999", "data.train_size: a whole number from 1 to 1000000000, got 99999999999999"),
        ("data.train_size: 100000000", "data: train_size 100000000 is too large: at img_size 16"),
        (
            "data.img_size: 4096",
            "8192 pictures would take 3.07e+03 GiB of memory, and at most 4 GiB are made, 21 pictures",
        ),
        ("data.kind: 3", "data.kind: must be one of 'digits', "),
        ("pretrained: 3", "pretrained: the name of an arm, or a mapping, got 3"),
        ("pretrained: {arm: a, seed: -1}", "pretrained: seed: a whole number from 0 to 9223372036854775807, got -1"),
        ("teacher: {arm: a, tau: .inf}", "teacher: tau: a number above 0 and up to 1000, got inf"),
        ("teacher: {arm: a, alpha: true}", "teacher: alpha: a number above 0 and up to 1, got True"),
        (
            "base: resnet50, widths.channels: [1, 2, 3, true]",
            "widths.channels.3: a whole number from 1 to 16384, got True",
        ),
        ("base: resnet50, args: 3", "args: a mapping, `key: value`, got 3"),
        ("base: resnet50, stem_width: 0", "stem_width: a whole number from 1 to 16384, got 0"),
    ],
)
def test_a_number_of_an_arm_that_does_not_work_is_named_with_its_bounds(
    refused: Refused, changes: str, message: str
) -> None:
    Path("s.yaml").write_text(arm(changes))
    line = refused("show", "s.yaml")
    assert line.startswith("s.yaml:3: ")
    assert message in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BASE + "seeds: 0\narms: {a: {}}\n", f"s.yaml:3: {SEEDS} 0"),
        (BASE + "seeds: 99999999999\narms: {a: {}}\n", f"s.yaml:3: {SEEDS} 99999999999"),
        (BASE + "seeds: [0, 0]\narms: {a: {}}\n", "s.yaml:3: seeds: each seed once, got 0 twice in [0, 0]"),
        (BASE + "seeds: []\narms: {a: {}}\n", f"s.yaml:3: {SEEDS} []"),
        (BASE + "seeds: [1.5]\narms: {a: {}}\n", f"s.yaml:3: {SEEDS} [1.5]"),
        (BASE + "seeds: [true]\narms: {a: {}}\n", f"s.yaml:3: {SEEDS} [True]"),
        (BASE + "seeds: {a: 1}\narms: {a: {}}\n", f"s.yaml:3: {SEEDS} {{'a': 1}}"),
        (BASE + "seeds: 2020-01-01\narms: {a: {}}\n", f"s.yaml:3: {SEEDS} datetime.date(2020, 1, 1)"),
        (BASE + "paper: {table: true}\narms: {a: {}}\n", "s.yaml:3: paper.table: a whole number from 1 to 7, got True"),
        (BASE + "match: {macs: a, within: 1}\narms: {a: {}}\n", "match.within: a number above 0 and below 1, got 1"),
        (BASE + f"grid: {{a: {list(range(200))}, b: {list(range(64))}}}\n", "grid: its lists multiply to 12800 arms"),
        (BASE + "grid: {backbone.depth: 3}\n", "s.yaml:3: grid.backbone.depth: a list, got 3"),
        (BASE + "ablate: {backbone.depth: [true]}\n", "backbone.depth: a whole number from 1 to 1000, got True"),
        (BASE + "sample: {n: 1000000, fields: {a: [1]}}\n", "sample.n: a whole number from 1 to 1000, got 1000000"),
        (
            BASE + "sample: {n: 3, seed: 1.0e+40, fields: {a: [1]}}\n",
            "sample.seed: a whole number from -9223372036854775808",
        ),
        (
            BASE + "sample: {n: 3, fields: {a: []}}\n",
            "sample.fields: at least one value to choose from, got none for a",
        ),
        (BASE + "sample: {n: 3, fields: {a: {low: .nan, high: 2}}}\n", f"sample.fields.a.low: {LIMIT} nan"),
        (
            BASE + f"sample: {{n: 3, fields: {{a: {{low: 1, high: 1{'0' * 400}}}}}}}\n",
            f"sample.fields.a.high: {LIMIT} 1000",
        ),
        (BASE + "sample: {n: 3, fields: {a: {low: true, high: 2}}}\n", f"sample.fields.a.low: {LIMIT} True"),
        (BASE + "arms: [a]\n", "s.yaml:3: arms: a mapping, `key: value`, got ['a']"),
        (
            "study: 3\n" + "base: t2t_vit_14\narms: {a: {}}\n",
            "s.yaml:1: study: text (a number in quotes is text), got 3",
        ),
        (f"a: {'9' * 5000}\n", "s.yaml:1: '99999"),
        ("2020-13-45: a\n", "s.yaml:1: '2020-13-45': month must be in 1..12"),
        ("a: !!int abc\n", "s.yaml:1: 'abc': invalid literal for int()"),
        ("a: !!python/object:os.system x\n", "s.yaml:1: not YAML: could not determine a constructor"),
        ("a: &a [*a]\n", "s.yaml:1: nested too deeply, or an alias within itself"),
        ("[" * 3000, "s.yaml:1: not YAML: "),
        (ALIASES, "too much: at most 100000 keys and values, aliases written out"),
        ("x" * 1_000_001, "s.yaml: too long: at most 1000000 characters"),
        ("? {a: 1}\n: b\n", "s.yaml:1: keys are text, got {'a': 1}"),
        ("a: \x00\n", "s.yaml: not YAML: "),
    ],
    ids=lambda text: text[:50],
)
def test_a_study_file_that_does_not_work_is_one_line(refused: Refused, content: str, message: str) -> None:
    Path("s.yaml").write_text(content)
    assert message in refused("show", "s.yaml")


DATA, RECIPE = "{kind: digits, train_size: 128, test_size: 64}", "{epochs: 1, batch_size: 32, lr: 0.002}"


def scale(data: str = "", recipe: str = "", shrink: str = "") -> str:
    return (
        f"scale: mine\ndescription: d\ndata: {DATA[:-1]}, {data}}}\nrecipe: {RECIPE[:-1]}, {recipe}}}\n"
        f"shrink: {{{shrink}}}\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (scale().replace("mine", "digits"), "x.yaml:1: scale: 'digits' is the name of a scale that ships, "),
        (scale().replace("train_size: 128", "train_size: true"), "x.yaml:3: data.train_size: a whole number from 1 to"),
        (scale(data="contrast: .inf"), "data.contrast: a number above 0 and up to 1000, got inf"),
        (scale(data="background: -1"), "data.background: a number from 0 to 1000, got -1"),
        (scale(data="max_side: 1.0e+30"), "data.max_side: a number above 0 and up to 8192, got 1e+30"),
        (scale(data="min_side: true"), "data.min_side: a number above 0 and up to 8192, got True"),
        (
            scale(data="seed: 1.0e+30"),
            "data.seed: a whole number from -9223372036854775808 to 9223372036854775807, got",
        ),
        (
            scale().replace("test_size: 64", "test_size: 99999999"),
            "data: test_size 99999999 is too large: at img_size 16",
        ),
        (
            scale().replace("digits, train_size: 128", "cifar10, train_size: 50001"),
            "a whole number from 1 to 50000, got",
        ),
        (scale(recipe="min_lr: 0.003"), "x.yaml:4: recipe: min_lr must be at most lr, got 0.003 and 0.002"),
        (scale(recipe="warmup_fraction: 1"), "recipe.warmup_fraction: a number from 0 to below 1, got 1"),
        (scale(recipe="weight_decay: -1"), "recipe.weight_decay: a number from 0 to 1000, got -1"),
        (scale(recipe="betas: [true, 0.9]"), "recipe.betas.0: a number from 0 to below 1, got True"),
        (scale(recipe="clip_grad: .inf"), f"{CLIP} inf"),
        (scale(recipe="label_smoothing: true"), "recipe.label_smoothing: a number from 0 to below 1, got True"),
        (scale(recipe="interim_test: 0"), "recipe.interim_test: a whole number from 1 to 1000000000, got 0"),
        (scale(recipe="shift: 99999"), "recipe.shift: a whole number from 0 to 8192, got 99999"),
        (scale(recipe="shift: 16"), "recipe.shift must be less than data.img_size"),
        (scale().replace("epochs: 1", "epochs: 1000000000"), "recipe.epochs: a whole number from 1 to 100000, got"),
        (
            scale().replace("batch_size: 32", "batch_size: true"),
            "recipe.batch_size: a whole number from 1 to 1000000, got",
        ),
        (scale().replace("lr: 0.002", "lr: 1e400"), "recipe.lr: a number above 0 and up to 1000, got '1e400'"),
        (scale(shrink="width: true"), "x.yaml:5: shrink.width: a whole number from 1 to 16384, got True"),
        (scale(shrink="depth: 0"), "shrink.depth: a whole number from 1 to 1000, got 0"),
        (scale(shrink="heads: -1"), "shrink.heads: a whole number from 1 to 1024, got -1"),
        (scale(shrink="patch_size: 99999"), "shrink.patch_size: a whole number from 1 to 8192, got 99999"),
        (scale(shrink="splits: [[3, 0, 1]]"), "shrink.splits.0.1: a whole number from 1 to 512, got 0"),
        (scale(shrink="drop_path_rate: 2"), "shrink.drop_path_rate: a number from 0 to below 1, got 2"),
        ("", "x.yaml: it must be a mapping, `key: value` lines, got None"),
    ],
)
def test_a_scale_file_that_does_not_work_is_one_line(refused: Refused, content: str, message: str) -> None:
    Path("s.yaml").write_text(arm(""))
    Path("x.yaml").write_text(content)
    line = refused("plan", "s.yaml", "--scale", "x.yaml")
    assert line.startswith("x.yaml:")
    assert message in line


def test_a_copy_of_a_scale_that_ships_may_have_its_name(refused: Refused, tmp_path: Path) -> None:
    from studies.language.scale_file import FOLDER, load_scale

    (tmp_path / "copy.yaml").write_text((FOLDER / "digits.yaml").read_text())
    assert load_scale(str(tmp_path / "copy.yaml")) == load_scale("digits")


def test_more_trials_than_can_be_planned_are_refused(refused: Refused) -> None:
    Path("s.yaml").write_text(f"{BASE}grid: {{recipe.lr: {[0.001 * i for i in range(1, 201)]}}}\n")
    for command in ("plan", "run", "report"):
        line = refused(command, "s.yaml", "--seeds", "1000")
        assert line.startswith("201 arms with 1000 seeds make 201000 trials, and at most 100000 are taken at a time")


def test_models_that_do_not_fit_into_memory_are_refused(refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    from studies.planning import machine

    monkeypatch.setattr(machine, "memory_gib", lambda: 0.0001)
    Path("s.yaml").write_text(arm(""))
    for command, what in (
        (["run", "s.yaml", "--executor", "inline"], "to train"),
        (["plan", "s.yaml"], "to train"),
        (["plan", "s.yaml", "--device-type", "t4"], "to make"),
    ):
        line = refused(*command)
        assert line.startswith("a, seed 0 has 0.000113 G parameters, which take ")
        assert line.endswith(f"GiB of memory {what}, and this machine has 0.0001 GiB: make it smaller")
