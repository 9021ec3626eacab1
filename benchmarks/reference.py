"""Full-size models on one thread: ours beside the same network the plain way, and beside the paper's public code.

python benchmarks/reference.py [--models t2t_vit_14 ...] [--batch 4] [--turns 9] [--public FOLDER]

All sides have the same weights, and their outputs are compared before anything is timed. In each turn every side
infers once and trains one step (forward and backward, no optimizer); a ratio is the other side's time over ours in
the same turn, its median over the turns with the quartiles. Peak memory is the high-water mark of a fresh process for
each figure, above what it holds with its weights and their gradients: a ratio below 1 says that ours needs less.

`--public` is a checkout of https://github.com/yitu-opensource/T2T-ViT, whose T2T-ViT is then a side too.
"""

import argparse
import contextlib
import ctypes
import io
import re
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from figures import tell
from plain_models import PlainTransformer
from torch import nn

from searchspace.build import build
from searchspace.checkpoint import load_into
from searchspace.presets import preset

MODELS = ("t2t_vit_14", "t2t_vit_t_14", "vit_s_16")
ATOL = 1e-4
SIDES = {"plain": "the plain way", "public": "the paper's public code"}


def ours(name: str) -> nn.Module:
    """The model of a preset, with the same weights in every process."""
    torch.manual_seed(0)
    return build(preset(name))


def plain(name: str) -> nn.Module:
    """The same network the plain way, with the weights of ours."""
    model = PlainTransformer(preset(name))  # type: ignore[arg-type]
    model.load_state_dict(ours(name).state_dict())
    return model


def public(name: str, folder: Path) -> nn.Module:
    """The public code's model of that name, with random weights of its own."""
    sys.path.insert(0, str(folder))
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            from models import t2t_vit  # type: ignore[import-not-found]

            torch.manual_seed(0)
            return getattr(t2t_vit, name)()
    except ImportError as error:
        sys.exit(f"--public {folder}: its models cannot be imported ({error}); give a checkout of the T2T-ViT release")
    finally:
        sys.path.pop(0)


def made(side: str, name: str, folder: Path | None) -> nn.Module:
    """The model of a side: `ours`, `plain` or `public`."""
    if side == "public":
        assert folder is not None
        return public(name, folder)
    return {"ours": ours, "plain": plain}[side](name)


def compare(sides: dict[str, nn.Module], x: torch.Tensor) -> float:
    """Give all sides the weights of one, and say how much their outputs differ at most.

    Raises:
        SystemExit: if that is above `ATOL`.
    """
    if "public" in sides:
        load_into(sides["ours"], sides["public"].state_dict(), "the public code")
        if "plain" in sides:
            sides["plain"].load_state_dict(sides["ours"].state_dict())
    with torch.inference_mode():
        outputs = {side: model.eval()(x) for side, model in sides.items()}
    far = max((output - outputs["ours"]).abs().max().item() for output in outputs.values())
    if not far <= ATOL:
        sys.exit(f"outputs differ by {far:.1e}, more than {ATOL:.0e}: the sides are not the same network")
    return far


def infer(model: nn.Module, x: torch.Tensor) -> None:
    """Logits, without a graph."""
    model.eval()
    with torch.inference_mode():
        model(x)


def step(model: nn.Module, x: torch.Tensor) -> None:
    """Forward and backward; the gradients stay, so that their memory is held before and after."""
    model.train().zero_grad(set_to_none=False)
    F.cross_entropy(model(x), torch.arange(len(x))).backward()


PHASES: dict[str, Callable[[nn.Module, torch.Tensor], None]] = {"inference": infer, "training": step}


def seconds(phase: str, model: nn.Module, x: torch.Tensor) -> float:
    """Seconds of one pass on its core: with one thread, what others do on the machine is left out."""
    start = time.process_time()
    PHASES[phase](model, x)
    return time.process_time() - start


def turns(sides: dict[str, nn.Module], x: torch.Tensor, phase: str, count: int) -> dict[str, list[float]]:
    """Seconds of each side in each turn, after one that does not count."""
    taken: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(count + 1):
        for side, model in sides.items():
            spent = seconds(phase, model, x)
            if turn:
                taken[side].append(spent)
    return taken


def ratio(theirs: list[float], mine: list[float]) -> str:
    """Median and quartiles of the ratios of the turns."""
    low, middle, high = statistics.quantiles([a / b for a, b in zip(theirs, mine, strict=True)], n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def peak(side: str, name: str, phase: str, arguments: argparse.Namespace) -> float:
    """MiB that a fresh process needs at most for a pass, above its weights and gradients."""
    command = [sys.executable, __file__, "--models", name, "--batch", str(arguments.batch), "--peak", side, phase]
    if arguments.public:
        command += ["--public", str(arguments.public)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def own_peak(side: str, phase: str, arguments: argparse.Namespace) -> float:
    """The same of this process, on Linux. A pass of one picture first: what libraries and weights need for good."""
    model, x = made(side, arguments.models[0], arguments.public), torch.randn(arguments.batch, 3, 224, 224)
    PHASES[phase](model, x[:1])
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts at what is held now
    before = _status("VmRSS")
    PHASES[phase](model, x)
    return (_status("VmHWM") - before) / 1024


def _status(key: str) -> int:
    found = re.search(rf"{key}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--public", type=Path, help="checkout of the public T2T-ViT release")
    parser.add_argument("--peak", nargs=2, metavar=("SIDE", "PHASE"), help="print the peak memory of this process only")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.peak:
        print(own_peak(*arguments.peak, arguments))
        return
    x = torch.randn(arguments.batch, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    print(f"{'model':14} {'against':8} {'phase':10} {'time ratio':>21} {'peak MiB':>16} {'peak ratio':>11}")
    for name in arguments.models:
        against = ["plain"] + (["public"] if arguments.public and name != "vit_s_16" else [])
        sides = {side: made(side, name, arguments.public) for side in ("ours", *against)}
        far = compare(sides, x)
        for phase in PHASES:
            taken = turns(sides, x, phase, arguments.turns)
            peaks = {side: peak(side, name, phase, arguments) for side in sides}
            for side in against:
                faster, share = ratio(taken[side], taken["ours"]), f"{peaks['ours'] / peaks[side]:.2f}"
                memory = f"{peaks['ours']:.0f} of {peaks[side]:.0f}"
                print(f"{name:14} {side:8} {phase:10} {faster:>21} {memory:>16} {share:>11}", flush=True)
                tell(f"{name} at 224, {phase}", SIDES[side], faster)
                tell("the same, peak memory", SIDES[side], f"{share} of it")
        print(f"{name:14} outputs differ by {far:.0e} at most")


if __name__ == "__main__":
    main()
