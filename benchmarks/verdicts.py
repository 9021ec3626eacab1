"""How often verdicts are false, how often they find what is there, and what each correction costs.

    python benchmarks/verdicts.py

Of 5,000 made-up studies each, of 5 arms and a baseline (those of the demo have 6 and 5 arms, with the standard
deviations between seeds that it had). `plain` is Welch's interval with Bonferroni; `floor` gives each arm half
the median variance of its group's arms at least; `ours` is what tables print: that, and the surplus for few seeds.
"""

import numpy as np
from figures import tell
from tabulate import tabulate

from reports.looks import Looks
from reports.simulation import verdicts
from reports.staged import staged

STUDIES = 5000
DEMO = {
    "demo, CNN to ViT": [0.44, 0.62, 1.11, 1.26, 0.20, 0.40, 0.21],
    "demo, CNN to T2T-ViT": [0.70, 0.50, 0.77, 0.32, 0.22, 0.71],
}
SETTINGS = {
    "all alike": [1.0] * 6,
    "baseline 1/4 as noisy": [0.25] + [1.0] * 5,
    "baseline 1/10 as noisy": [0.1] + [1.0] * 5,
    "baseline 1/2 as noisy": [0.5] + [1.0] * 5,
    "baseline 4 times as noisy": [4.0] + [1.0] * 5,
    "baseline and 2 arms 1/10": [0.1, 0.1, 0.1, 1.0, 1.0, 1.0],
    "1 arm, baseline 1/4": [0.25, 1.0],
    "2 arms, baseline 1/4": [0.25, 1.0, 1.0],
    **DEMO,
}
SEEDS = ((2, 2), (3, 3), (3, 6), (5, 5), (5, 10), (10, 10))
METHODS = {
    "plain": {"floored": False, "corrected": False},
    "floor": {"floored": True, "corrected": False},
    "ours": {"floored": True, "corrected": True},
}


def percent(found: np.ndarray) -> str:
    """A share as text."""
    return f"{100 * found.mean():.1f}"


def false_verdicts() -> str:
    """Studies with any verdict, where no arm differs from the baseline."""
    random = np.random.default_rng(0)
    rows = []
    for name, sds in SETTINGS.items():
        cells = []
        for seeds, base in SEEDS:
            found = [
                verdicts(sds, [0.0] * (len(sds) - 1), seeds, base, STUDIES, random, **how).any(1)
                for how in METHODS.values()
            ]
            cells.append(" / ".join(map(percent, found)))
        rows.append([name, *cells])
        if name in DEMO:
            plain, _, ours = cells[SEEDS.index((3, 3))].split(" / ")
            tell(f"studies with a false verdict, {name}, 3 seeds", "Welch with Bonferroni", f"{ours} % for {plain} %")
    heads = [f"n = {n}" if n == base else f"n = {n}, baseline {base}" for n, base in SEEDS]
    return tabulate(rows, ["standard deviations", *heads], disable_numparse=True)


def power() -> str:
    """Verdicts on the first arm, which differs from the baseline by some standard deviations (root mean square)."""
    random = np.random.default_rng(1)
    rows = []
    settings = {name: SETTINGS[name] for name in ("all alike", "baseline 1/2 as noisy", *DEMO)}
    for name, sds in settings.items():
        for size in (2, 4, 6):
            difference = size * np.hypot(sds[0], sds[1]) / np.sqrt(2)
            differences = [difference] + [0.0] * (len(sds) - 2)
            cells = []
            for seeds, base in SEEDS:
                found = [
                    verdicts(sds, differences, seeds, base, STUDIES, random, **how)[:, 0] for how in METHODS.values()
                ]
                cells.append(" / ".join(map(percent, found)))
            rows.append([name, f"{size} ({difference:.1f})", *cells])
    heads = [f"n = {n}" if n == base else f"n = {n}, baseline {base}" for n, base in SEEDS]
    return tabulate(rows, ["standard deviations", "difference", *heads], disable_numparse=True)


LOOKS = Looks(size=1.0, first=3, most=20)
MEASURED = {
    "demo, CNN to ViT": [-0.4, -6.2, -3.8, 0.3, 2.6, -1.5],
    "demo, CNN to T2T-ViT": [-0.2, -15.5, -1.0, 0.7, -1.2],
}


def looks() -> str:
    """Studies with a verdict at any look where no arm differs, claims that 1 point is less, and what looks cost."""
    random = np.random.default_rng(2)
    rows = []
    for name, sds in SETTINGS.items():
        draws = random.standard_normal((STUDIES, len(sds), LOOKS.most))
        none, at_size = (staged(sds, [x] * (len(sds) - 1), LOOKS, draws) for x in (0.0, LOOKS.size))
        real = staged(sds, MEASURED[name], LOOKS, draws) if name in MEASURED else None
        rows.append(
            [
                name,
                percent(none.ever.any(1)),
                percent(none.found.any(1)),
                percent(at_size.smaller.any(1)),
                f"{none.seeds.sum(1).mean():.0f} of {len(sds) * LOOKS.most}",
                f"{real.seeds.sum(1).mean():.0f}, {percent(real.found | real.smaller)} %" if real else "",
            ]
        )
    heads = [
        "false at any look",
        "at the end",
        "1 point called smaller",
        "trials",
        "as measured: trials, decided",
    ]
    return tabulate(rows, ["standard deviations", *heads], disable_numparse=True)


if __name__ == "__main__":
    print(f"False verdicts, % of {STUDIES} studies in which no arm differs: {' / '.join(METHODS)}\n")
    print(false_verdicts())
    print("\nPower, % of studies in which an arm that differs is found: the same\n")
    print(power())
    print(f"\nLooks at {', '.join(f'{n} (baseline {base})' for n, base in LOOKS.stages)} seeds, to resolve 1 point\n")
    print(looks())
