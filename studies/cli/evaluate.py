"""`studies evaluate`."""

import argparse
import json
from pathlib import Path

from studies.api.evaluate import evaluate


def main(arguments: argparse.Namespace) -> int:
    """Print accuracy and loss of a preset with weights from a file, on a folder of pictures."""
    figures = evaluate(
        arguments.preset,
        arguments.overrides,
        weights=arguments.weights,
        data=arguments.data,
        batch_size=arguments.batch_size,
        crop_pct=arguments.crop_pct,
        workers=arguments.workers,
        device=arguments.device,
    )
    if arguments.json:
        print(json.dumps(figures, indent=1))
        return 0
    print(f"{arguments.preset}, {Path(arguments.weights).name}, {figures['pictures']} pictures of {arguments.data}")
    print(f"  top-1  {figures['top1']:6.2f} %")
    print(f"  top-5  {figures['top5']:6.2f} %")
    print(f"  loss   {figures['loss']:6.4f}")
    print(f"  {figures['images_per_second']:.0f} pictures a second")
    return 0
