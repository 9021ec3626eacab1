"""Seconds of a run that are not training: once a run, and for each trial; with and without Ray, in one go.

python benchmarks/overhead.py [--trials 24]

One arm at scale digits, an epoch a trial, one trial at a time: a few trials, then `--trials`. The difference of the two
runs, less the training in it, is what a trial costs beside its training; the rest is what a run costs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from studies.language.scale_file import FOLDER

STUDY = {"study": "overhead", "base": "vit_s_16", "arms": {"ViT-S/16": {}}}
FEW = 4


def timed(executor: str, trials: int, folder: Path) -> tuple[float, float]:
    """Wall seconds of a run, and the seconds of training in it, over one core."""
    study, scale, runs = folder / "overhead.yaml", folder / "short.yaml", folder / f"{executor}-{trials}"
    study.write_text(yaml.safe_dump(STUDY))
    digits = (FOLDER / "digits.yaml").read_text()
    scale.write_text(digits.replace("scale: digits", "scale: digits_short", 1).replace("epochs: 4", "epochs: 1"))
    command = [sys.executable, "-m", "studies.cli", "run", str(study), "--scale", str(scale), "--seeds", str(trials)]
    start = time.perf_counter()
    subprocess.run(
        [*command, "--jobs", "1", "--executor", executor, "--runs-dir", str(runs)], check=True, capture_output=True
    )
    wall = time.perf_counter() - start
    results = [json.loads(path.read_text()) for path in runs.glob("trials/*/result.json")]
    assert len(results) == trials
    return wall, sum(result["seconds"] for result in results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=24)
    trials = parser.parse_args().trials
    print(f"{'executor':10} {'wall s':>8} {'training s':>11} {'outside %':>10} {'s a run':>8} {'s a trial':>10}")
    for executor in ("inline", "ray"):
        with tempfile.TemporaryDirectory() as folder:
            few, few_training = timed(executor, FEW, Path(folder))
            wall, training = timed(executor, trials, Path(folder))
        outside = wall - training
        each = (outside - (few - few_training)) / (trials - FEW)
        fixed = outside - trials * each
        print(f"{executor:10} {wall:8.1f} {training:11.1f} {100 * outside / wall:10.1f} {fixed:8.1f} {each:10.2f}")


if __name__ == "__main__":
    main()
