"""The benchmark of a user's alternative: both sides are asked for the same training."""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from benchmarks.alternative_files import LOOP, MEMORY, SCALE, STUDY, lines
from studies.trials.scale import Scale

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "alternative.py"


def of_timm() -> argparse.Namespace:
    """What the loop tells timm's script of the recipe and the data."""
    parser = argparse.ArgumentParser()
    for name in ("epochs", "batch-size", "warmup-epochs"):
        parser.add_argument(f"--{name}", type=int)
    for name in ("lr", "warmup-lr", "weight-decay", "clip-grad", "crop-pct"):
        parser.add_argument(f"--{name}", type=float)
    parser.add_argument("--opt")
    parser.add_argument("--opt-betas", type=float, nargs=2)
    parser.add_argument("--input-size", type=int, nargs=3)
    parser.add_argument("--num-classes", type=int)
    call = LOOP.partition("train.py")[2].partition("<<ARMS")[0]
    return parser.parse_known_args(shlex.split(call))[0]


@pytest.mark.parametrize("text", [SCALE, MEMORY])
def test_both_sides_train_with_the_same_recipe_on_the_same_sizes(text: str) -> None:
    timm, scale = of_timm(), Scale.model_validate(yaml.safe_load(text))
    recipe = scale.recipe
    assert (timm.epochs, timm.batch_size, timm.opt) == (recipe.epochs, recipe.batch_size, recipe.opt)
    assert (timm.lr, timm.warmup_lr, timm.weight_decay) == (recipe.lr, recipe.warmup_lr, recipe.weight_decay)
    assert (timm.clip_grad, tuple(timm.opt_betas)) == (recipe.clip_grad, recipe.betas)
    assert timm.warmup_epochs == recipe.warmup_fraction * recipe.epochs
    assert timm.input_size == [scale.data.in_chans, scale.data.img_size, scale.data.img_size]
    assert timm.num_classes == scale.data.num_classes


def test_both_sides_train_the_same_arms() -> None:
    arms = LOOP.partition("<<ARMS\n")[2].partition("ARMS")[0].splitlines()
    assert [arm.partition("--experiment ")[2] for arm in arms] == list(yaml.safe_load(STUDY)["arms"])


def test_comments_and_empty_lines_are_not_counted_as_written() -> None:
    counted, _ = lines(["loop.sh"])
    assert counted == len(LOOP.splitlines()) - 2  # the first line and the remark


@pytest.mark.parametrize("arguments", [[], ["--timm-script", "nowhere/train.py"]])
def test_a_script_that_is_missing_is_one_line_that_says_where_to_get_it(arguments: list[str]) -> None:
    ended = subprocess.run([sys.executable, str(BENCHMARK), *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert "huggingface/pytorch-image-models" in ended.stderr
    assert "nowhere" in ended.stderr or not arguments
