"""How often verdicts are false, how often they find what is there, and what each correction costs.

    python benchmarks/verdicts.py

Of 5,000 made-up studies each, of 5 arms and a baseline (those of the demo have 6 and 5 arms, with the standard
deviations between seeds that it had). `plain` is Welch's interval with Bonferroni; `floor` gives each arm a third of
the group's mean variance at least; `ours` is what tables print: that, and the surplus for few seeds.
"""

import numpy as np
from tabulate import tabulate

from reports.simulation import verdicts
from reports.statistics import FLOOR

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
    "plain": {"floor": 0.0, "corrected": False},
    "floor": {"floor": FLOOR, "corrected": False},
    "ours": {"floor": FLOOR, "corrected": True},
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


if __name__ == "__main__":
    print(f"False verdicts, % of {STUDIES} studies in which no arm differs: {' / '.join(METHODS)}\n")
    print(false_verdicts())
    print("\nPower, % of studies in which an arm that differs is found: the same\n")
    print(power())
