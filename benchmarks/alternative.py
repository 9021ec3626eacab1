"""Four arms by timm's own training script in a shell loop, and by this project: time, accuracy, lines written.

python benchmarks/alternative.py --timm-script train.py [--repeats 2] [--workers 1]
python benchmarks/alternative.py --show         prints what a user writes, and trains nothing

timm's script is `train.py` of the repository huggingface/pytorch-image-models, at the tag of the timm that is installed
(a near one works). The files are in `alternative_files.py`; both sides read the same folder of pictures, which is made
before anything is timed. Every way starts cold, with an empty store and an empty cache of costs; the ways take turns,
in reverse order in every other turn. Processor seconds are those of a command and all its descendants, looked at
several times a second: where other programs load the machine they say more than the wall time. Ray gives its workers
a low priority (niceness 15); here they have that of timm's, which matters on a loaded machine only.

Both sides: the same architectures, initial weights by the same rule, AdamW, its weight decay and betas, the clipped
norm, label smoothing, learning rate by step, no augmentation, whole batches (none is dropped), all test pictures after
every epoch, a checkpoint an epoch, float32, one thread a training. Different: timm's position table starts as a
truncated normal and its class token near zero; its AdamW steps parameter by parameter (ours is torch's fused one,
which `--opt-kwargs fused=True` would give); it logs every 50 steps, keeps the checkpoints of all epochs, evaluates in
batches of 32 (here 128); pictures in memory are not rounded to bytes, and normalised by their own mean and deviation
instead of ImageNet's. With that these models, initialised as wide ones are, begin to learn later, timm's just as ours:
compare times in that row, not accuracies. The seeds differ, so that the others agree within the noise between seeds
only, some points after so short a training.

Measured on 2 cores (2026-11-25, 2 turns): two trainings at a time by the loop take as long as this project over the
same folder (0.99, 0.95 to 1.04), one after another 1.54 times as long; the processor is busy 1.2 times as long in both.
With the pictures in memory this project takes 0.78 of its time over the folder.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil
from alternative_files import COMMANDS, FILES, LOOP, MEMORY, lines, write_pictures
from tabulate import tabulate

LOOPS = {"timm, one after another": 1, "timm, two at a time": 2}
STUDIES = {"this project, the folder": "folder.yaml", "this project, in memory": "memory.yaml"}
OURS = next(iter(STUDIES))
LOOK = 0.2  # seconds between two looks at the processor time
BESIDE = """Accuracies in memory are those of another normalisation: compare times there. Beside the numbers the loop
leaves a log, summary.csv, args.yaml and checkpoints of each arm. `studies run` leaves a table with
params, MACs and verdicts, a figure, and a store: a second run trains what is missing, and a killed one
goes on where it was. `--seeds 5`, `--page`, `studies report` and `studies plan` need no further line."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--timm-script", type=Path, help="train.py of huggingface/pytorch-image-models")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1, help="data workers of each of timm's trainings")
    parser.add_argument("--show", action="store_true", help="print the files that a user writes, and end")
    given = parser.parse_args()
    if given.show:
        show()
        return 0
    script = given.timm_script
    if script is None or not script.is_file():
        what = "is needed" if script is None else f"{script}: no such file"
        where = "train.py of github.com/huggingface/pytorch-image-models at the tag of the timm installed"
        print(f"alternative: --timm-script {what}: {where}, v{version()}, or one near it", file=sys.stderr)
        return 2
    if given.repeats < 1 or given.workers < 0:
        print(
            f"alternative: --repeats must be at least 1 and --workers at least 0, got {given.repeats} and "
            f"{given.workers}",
            file=sys.stderr,
        )
        return 2
    with TemporaryDirectory() as name:
        compare(Path(name), script, given.repeats, given.workers)
    return 0


def version() -> str:
    """Of timm, without its import, which takes seconds."""
    from importlib.metadata import version

    return version("timm")


def show() -> None:
    """What a user writes."""
    for name, text in FILES.items():
        print(f"--- {name}\n{text}")
    for way, (command, names) in COMMANDS.items():
        count, characters = lines(names)
        print(f"{way}: {command}    ({count} lines, {characters} characters, without comments)")


def compare(folder: Path, script: Path, repeats: int, workers: int) -> None:
    """Make the pictures, run every way in turns, print."""
    print(f"making the pictures; then {repeats} turns of {len(LOOPS) + len(STUDIES)} ways, about a minute each")
    for name, text in (FILES | {"memory.yaml": MEMORY}).items():
        (folder / name).write_text(text)
    shutil.copy(script, folder / "train.py")
    write_pictures(folder / "digits")
    ways = [*LOOPS, *STUDIES]
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    scores: dict[str, dict[str, list[float]]] = {way: {} for way in ways}
    for turn in range(repeats):
        for way in ways if turn % 2 == 0 else reversed(ways):
            found[way].append(timed(way, folder, workers))
            for arm, top1 in (loops_scores if way in LOOPS else our_scores)(way, folder).items():
                scores[way].setdefault(arm, []).append(top1)
            print(
                f"turn {turn + 1}, {way}: {found[way][-1][0]:.0f} s, processors {found[way][-1][1]:.0f} s", flush=True
            )
    print_times(found)
    print_arms(scores)
    print(BESIDE)


def timed(way: str, folder: Path, workers: int) -> tuple[float, float]:
    """Wall and processor seconds of one way, from an empty store and cache."""
    for name in ("output", "runs", "cache"):
        shutil.rmtree(folder / name, ignore_errors=True)
    command = ["sh", "loop.sh", str(LOOPS[way]), str(workers)] if way in LOOPS else studies(way)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).parent.parent),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "RAY_worker_niceness": str(os.nice(0)),
    }
    log = folder / "log"
    start = time.perf_counter()
    with log.open("w") as out:
        process = psutil.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        spent = processor_seconds(process)
    wall = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"{way}: {' '.join(command)} failed:\n{log.read_text()[-3000:]}")
    return wall, spent


def studies(way: str) -> list[str]:
    """`studies run` as a user calls it."""
    command = [sys.executable, "-m", "studies.cli", "run", "own.yaml", "--runs-dir", "runs", "--data", "."]
    return command if way == OURS else [*command, "--scale", STUDIES[way]]


def processor_seconds(process: psutil.Popen) -> float:
    """Wait for a command to end; the processor seconds of it and its descendants."""
    seconds: dict[tuple[int, float], float] = {}
    while process.poll() is None:
        for each in (process, *descendants(process)):
            try:
                spent = each.cpu_times()
                seconds[each.pid, each.create_time()] = spent.user + spent.system
            except psutil.NoSuchProcess:
                continue  # it ended while we looked
        try:
            process.wait(LOOK)
        except psutil.TimeoutExpired:
            continue
    return sum(seconds.values())


def descendants(process: psutil.Popen) -> list[psutil.Process]:
    """All that a command has started and that runs; none when it has just ended."""
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def loops_scores(way: str, folder: Path) -> dict[str, float]:
    """Top-1 of each arm after the last epoch, from timm's summaries."""
    import pandas as pd

    summaries = folder.glob("output/*/summary.csv")
    return {path.parent.name: float(pd.read_csv(path)["eval_top1"].iloc[-1]) for path in summaries}


def our_scores(way: str, folder: Path) -> dict[str, float]:
    """Top-1 of each arm from the store."""
    from studies import results

    frame = results(folder / "own.yaml", folder / "runs", folder / STUDIES[way])
    return dict(zip(frame["arm"], frame["top1"], strict=True))


def params() -> dict[str, tuple[int, int]]:
    """Parameters of each arm: timm's and ours."""
    import timm
    import yaml

    from searchspace.build import build
    from studies.language.expansion import at_scale
    from studies.language.resolve import load_study
    from studies.language.scale_file import load_scale

    with TemporaryDirectory() as name:
        for file, text in FILES.items():
            (Path(name) / file).write_text(text)
        scaled = at_scale(load_study(f"{name}/own.yaml"), load_scale(f"{name}/folder.yaml"))
    ours = {item.arm.name: sum(p.numel() for p in build(item.model).parameters()) for item in scaled}
    command, _, arms = LOOP.partition("<<ARMS\n")
    common = command.split("--model-kwargs")[1].split()
    counts = {}
    for line in arms.split("ARMS")[0].splitlines():
        fields, _, arm = line.partition(" --experiment ")
        arguments = {key: yaml.safe_load(value) for key, value in (word.split("=") for word in common + fields.split())}
        model = timm.create_model("vit_small_patch16_224", num_classes=10, **arguments)
        counts[arm] = (sum(p.numel() for p in model.parameters()), ours[arm])
    return counts


def print_times(found: dict[str, list[tuple[float, float]]]) -> None:
    """A row a way: medians, ranges, ratios to the row of this project over the same folder."""
    rows = []
    for way, turns in found.items():
        ratios = [[here[i] / ours[i] for here, ours in zip(turns, found[OURS], strict=True)] for i in (0, 1)]
        walls = [wall for wall, _ in turns]
        count, characters = lines(COMMANDS["timm's script" if way in LOOPS else "this project"][1])
        rows.append(
            [way, f"{median(walls):.0f} ({min(walls):.0f} to {max(walls):.0f})", spread(ratios[0]),
             f"{median(spent for _, spent in turns):.0f}", spread(ratios[1]), count, characters]
        )  # fmt: skip
    headers = ["", "wall s", "ratio", "processor s", "ratio", "lines", "characters"]
    title = f"4 arms, 4 epochs of 4,096 pictures, {os.cpu_count()} cores"
    print(f"\n{title}: median (range) of {len(found[OURS])} turns; ratios within a turn")
    print(tabulate(rows, headers, disable_numparse=True, colalign=("left", *["right"] * 6)))


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def print_arms(scores: dict[str, dict[str, list[float]]]) -> None:
    """A row an arm: parameters of both, top-1 of each way."""
    rows = [
        [arm, *(f"{count:,}" for count in counts), *(f"{median(scores[way][arm]):.1f}" for way in scores)]
        for arm, counts in params().items()
    ]
    headers = ["arm", "params timm", "ours", *(f"top-1 % {way}".replace(", ", ",\n") for way in scores)]
    print(
        "\n" + tabulate(rows, headers, disable_numparse=True, colalign=("left", *["right"] * (2 + len(scores)))) + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
