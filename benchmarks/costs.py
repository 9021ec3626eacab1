"""Counting models part by part, beside tracing each as a whole, one after the other in turns; then many that are known.

python benchmarks/costs.py [--repeats 5] [--candidates 10000] [--against FOLDER_OR_REVISION]

The models are the transformers of a study. Nothing is remembered between two turns, and nothing is read from the user's
cache. The candidates are random changes of T2T-ViT-14 whose parts are counted already. With `--against`, the first
look at a space, `studies space show paper --max-macs 2G` with nothing counted before, is timed beside another
version's, in turns, in seconds of the processor.
"""

import argparse
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from os import environ
from pathlib import Path

from checkouts import HERE, checkout
from figures import tell

from searchspace.cost import remembered
from searchspace.cost.remembered import costs
from searchspace.cost.traced import cost
from searchspace.expand import override
from searchspace.presets import preset
from searchspace.spec import ModelSpec, TransformerSpec
from studies.language.resolve import load_study

LOOK = "space show paper --max-macs 2G"
FIELDS = {
    "backbone.depth": [6, 8, 10, 12, 14, 16, 20, 24],
    "backbone.embed_dim": [192, 240, 288, 336, 384, 432, 480],
    "backbone.num_heads": [1, 2, 3, 4, 6],
    "backbone.mlp_ratio": [2.0, 2.5, 3.0, 3.5, 4.0],
    "tokenizer.mixer": ["performer", "transformer", "none"],
}


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of some work."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def by_parts(models: list[ModelSpec]) -> None:
    """Count them with nothing remembered."""
    with tempfile.TemporaryDirectory() as folder:
        environ["XDG_CACHE_HOME"] = folder
        remembered._known.clear()
        costs(models)


def first_look(code: Path) -> float:
    """Seconds of the processor that the first look at a space takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "studies.cli", *LOOK.split()]
        variables = environ | {"PYTHONPATH": str(code), "XDG_CACHE_HOME": folder, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def drawn(count: int) -> list[ModelSpec]:
    """Random candidates."""
    source, base = random.Random(0), preset("t2t_vit_14")
    return [override(base, {field: source.choice(values) for field, values in FIELDS.items()}) for _ in range(count)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--candidates", type=int, default=10_000)
    parser.add_argument("--against", help="another version whose first look at a space is timed: a folder, or revision")
    arguments = parser.parse_args()
    cost(preset("t2t_vit_7"))  # imports, and what torch does once
    print(f"{'transformers of':24} {'models':>7} {'whole s':>9} {'parts s':>9} {'ratio':>7}")
    for name in ("cnn_to_vit", "t2t_ablation"):
        models = [arm.model for arm in load_study(name).arms if isinstance(arm.model, TransformerSpec)]
        turns = [
            (seconds(lambda: list(map(cost, models))), seconds(lambda: by_parts(models)))  # noqa: B023 (called at once)
            for _ in range(arguments.repeats)
        ]
        whole, parts = (statistics.median(times) for times in zip(*turns, strict=True))
        print(f"{name:24} {len(models):7} {whole:9.2f} {parts:9.2f} {whole / parts:7.1f}")
        tell(f"counting {len(models)} models of {name}, part by part", "each as a whole", f"{whole / parts:.1f}")
    candidates = drawn(arguments.candidates)
    by_parts(candidates)
    known = statistics.median(seconds(lambda: costs(candidates)) for _ in range(arguments.repeats))
    each = 1e6 * known / len(candidates)
    print(f"\n{len(candidates)} candidates whose parts are known: {known:.2f} s, {each:.0f} us each")
    if arguments.against:
        with checkout(arguments.against) as folder:
            looks = [(first_look(folder), first_look(HERE)) for _ in range(arguments.repeats)]
        theirs, ours = (statistics.median(times) for times in zip(*looks, strict=True))
        ratios = [their / our for their, our in looks]
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"\nstudies {LOOK}: {ours:.1f} s, the other's {theirs:.1f} s: {ratio}")
        tell(f"`studies {LOOK}`, nothing counted before", f"version {arguments.against}", ratio)


if __name__ == "__main__":
    main()
