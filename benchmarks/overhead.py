"""Share of a run's wall time that is not training, and seconds a trial that Ray adds; on one arm, in one go.

python benchmarks/overhead.py [--trials 8]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

STUDY = {"study": "overhead", "base": "vit_s_16", "arms": {"ViT-S/16": {}}}


def timed(executor: str, trials: int, folder: Path) -> tuple[float, float]:
    """Wall seconds of a run, and the seconds of training in it, over one core."""
    study = folder / "overhead.yaml"
    study.write_text(yaml.safe_dump(STUDY))
    command = [sys.executable, "-m", "studies.cli", "run", str(study), "--seeds", str(trials)]
    command += ["--jobs", "1", "--executor", executor, "--runs-dir", str(folder / executor)]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    wall = time.perf_counter() - start
    results = [json.loads(path.read_text()) for path in folder.glob(f"{executor}/trials/*/result.json")]
    assert len(results) == trials
    return wall, sum(result["seconds"] for result in results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=8)
    trials = parser.parse_args().trials
    print(f"{'executor':10} {'wall s':>8} {'training s':>11} {'outside %':>10} {'outside s a trial':>18}")
    for executor in ("inline", "ray"):
        with tempfile.TemporaryDirectory() as folder:
            wall, training = timed(executor, trials, Path(folder))
        outside = wall - training
        print(f"{executor:10} {wall:8.1f} {training:11.1f} {100 * outside / wall:10.1f} {outside / trials:18.2f}")


if __name__ == "__main__":
    main()
