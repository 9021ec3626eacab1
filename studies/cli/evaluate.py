"""`studies evaluate`."""

import argparse
import json
from pathlib import Path
from typing import Any

from studies.api.evaluate import evaluate
from studies.cli.store import summary, training
from studies.store.store import Store


def main(arguments: argparse.Namespace) -> int:
    """Print accuracy and loss of a preset with weights from a file, or of a trial, on test pictures."""
    figures = evaluate(
        arguments.preset,
        arguments.overrides,
        weights=arguments.weights,
        data=arguments.data,
        trial=arguments.trial,
        runs_dir=arguments.runs_dir,
        batch_size=arguments.batch_size,
        crop_pct=arguments.crop_pct,
        workers=arguments.workers,
        device=arguments.device,
    )
    if arguments.json:
        print(json.dumps(figures, indent=1))
        return 0
    print(_title(arguments, figures))
    for name, label in (("top1", "top-1"), ("top5", "top-5")):
        low, high = figures[f"{name}_interval"]
        print(f"  {label}  {figures[name]:6.2f} %  ({low:.2f} to {high:.2f} %)")
    print(f"  loss   {figures['loss']:6.4f}")
    print(f"  {figures['images_per_second']:.0f} pictures a second")
    print("In brackets: 95 % intervals for the choice of test pictures; they say nothing of the training.")
    return 0


def _title(arguments: argparse.Namespace, figures: dict[str, Any]) -> str:
    """What was evaluated, on what."""
    if "trial" not in figures:
        name = Path(arguments.weights).name
        return f"{arguments.preset}, {name}, {figures['pictures']} pictures of {arguments.data}"
    trial = Store(arguments.runs_dir).trial(figures["trial"])
    what = f"{summary(trial.model)}; {training(trial)}, seed {trial.seed}"
    return f"trial {figures['trial']}: {what}; {figures['pictures']} test pictures"
