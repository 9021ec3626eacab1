"""Which setting of the small scale orders models as the paper does, and what each costs.

    python benchmarks/scales.py                        what was tried, and how well each agrees with the paper
    python benchmarks/scales.py try NAME [--seeds 2]   train a setting's models and add its figures to the table
    python benchmarks/scales.py try NAME --only ViT-DN ViT-S/16   a few of them, for a first look
    python benchmarks/scales.py judge NAME             how well it agrees on what it was not chosen by

`scales.yaml` has the settings: what each changes of pictures, shrink rule and recipe, by one rule for all models. A
setting is chosen by the group CNN to ViT of table 6 and by table 7 alone. What is judged after the choice is the group
CNN to T2T-ViT of table 6, and the models of tables 1 and 2 that need no teacher and no larger pictures.

tau is Kendall's tau-b of the paper's accuracies and our means; its interval is over seeds (95 %, bootstrap). `itself`
is the tau between one seed and another: what the noise of seeds leaves of it. `true tau` is Spearman's correction of
tau for that noise: what many seeds would show, if order and noise are as they look. `most` is the mean tau of models
that differ exactly as in the paper, with as many seeds and the same noise: what near ties leave of 1. `late` is what
the model that gains most gains in the last fifth of its training, in points of accuracy, over the mean of all: a model
that is cut off while it learns shows here. Cost is in core minutes for one seed of the models of a part, by the clock:
a machine that does other things too makes it larger.
"""

import argparse
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml
from tabulate import tabulate

import studies
from reports import published
from reports.tau import RESAMPLES, over_seeds, tau_b
from searchspace.expand import SpecError
from studies.language.scale_file import FOLDER, load_scale

HERE = Path(__file__).parent
SETTINGS, TABLE = HERE / "scales.yaml", HERE / "scales.csv"
BASE = FOLDER / "digits.yaml"


class Part(NamedTuple):
    """Models whose order is compared with the paper's.

    Attributes:
        study: that has them.
        group: of the study; none: all.
        tables: of the paper, with their accuracies.
        without: models that are left out.
    """

    study: str
    group: str | None
    tables: tuple[int, ...]
    without: tuple[str, ...] = ()


CHOSEN_BY = {
    "table 6, ViT": Part("cnn_to_vit", "CNN to ViT", (6,)),
    "table 7": Part("t2t_ablation", None, (7,)),
}
# T2T-ViT-Wide is the same model as T2T-ViT-d768-4 of table 7, by which settings were chosen: with it and without.
JUDGED_BY = {
    "table 6, T2T-ViT": Part("cnn_to_vit", "CNN to T2T-ViT", (6,)),
    "the same but Wide": Part("cnn_to_vit", "CNN to T2T-ViT", (6,), ("T2T-ViT-Wide",)),
    "table 2": Part("vit_comparison", None, (2,)),
    "table 1": Part("structures", None, (2, 3, 4)),
}
# What needs a teacher, or larger pictures.
SKIPPED = ("Distilled", "@384")
FIGURES = ("tau", "low", "high", "itself", "true", "most")
NO_TAU = dict.fromkeys(FIGURES, float("nan"))


def settings() -> dict[str, dict[str, Any]]:
    """Changes of the scale by name of the setting: of data, shrink and recipe field by field."""
    return yaml.safe_load(SETTINGS.read_text()) or {}


def scale_file(name: str, folder: Path) -> Path:
    """The file of a scale with a setting.

    Raises:
        SpecError: if there is no such setting.
    """
    if name not in settings():
        raise SpecError(f"no setting {name!r} in {SETTINGS.name}; it has {', '.join(settings())}")
    content = yaml.safe_load(BASE.read_text())
    content["scale"], content["description"] = name, f"setting {name} of {SETTINGS.name}"
    del content["stages"]
    for part, changes in settings()[name].items():
        content[part] = content[part] | changes if isinstance(changes, dict) else changes
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def printed(tables: tuple[int, ...]) -> pd.Series:
    """The accuracies that the paper has reached itself, by model."""
    rows = pd.concat([published.table(number) for number in tables])
    rows = rows[rows["own_schedule"] & rows["paper_top1"].notna()]
    return rows.drop_duplicates("model").set_index("model")["paper_top1"]


def agreement(paper: np.ndarray, ours: list[np.ndarray]) -> dict[str, float]:
    """tau, its interval over seeds, what seeds agree among themselves, and tau corrected for that."""
    tau, low, high = over_seeds(list(paper), ours)
    found = NO_TAU | {"tau": tau, "low": low, "high": high}
    seeds = min(map(len, ours))
    if seeds > 1:
        found["most"] = ceiling(paper, float(np.sqrt(np.mean([of.var(ddof=1) for of in ours]))), seeds)
        by_seed = np.stack([of[:seeds] for of in ours], 1)
        found["itself"] = float(np.mean([tau_b(by_seed[i], by_seed[j]) for i, j in combinations(range(seeds), 2)]))
        # Spearman-Brown: what a mean of so many seeds would agree with another such mean.
        reliable = seeds * found["itself"] / (1 + (seeds - 1) * found["itself"]) if found["itself"] > 0 else np.nan
        found["true"] = min(1.0, tau / np.sqrt(reliable)) if reliable > 0 else np.nan
    return found


def ceiling(paper: np.ndarray, deviation: float, seeds: int) -> float:
    """The mean tau of models that differ exactly as the paper's, of so many seeds with a standard deviation."""
    noise = np.random.default_rng(0).normal(0, deviation / np.sqrt(seeds), (RESAMPLES, len(paper)))
    return float(tau_b(paper, paper + noise).mean())


def models(part: Part, scale: str, store: Path) -> list[str]:
    """The models of a part: those whose accuracy the paper has, and that need no teacher and no larger pictures."""
    there = studies.results(part.study, store, scale, 1)
    there = there[there["group"] == part.group] if part.group else there
    paper = printed(part.tables)
    fit = [arm for arm in there["arm"].unique() if not any(mark in arm for mark in SKIPPED)]
    return [arm for arm in fit if arm in paper and arm not in part.without]


def figures(name: str, parts: dict[str, Part], store: Path, seeds: int) -> Iterator[dict[str, Any]]:
    """A row a part: how well the results of a setting agree with the paper; no tau where models of it are missing."""
    scale = str(scale_file(name, store))
    for label, part in parts.items():
        paper = printed(part.tables)
        rows = studies.results(part.study, store, scale, seeds)
        asked = models(part, scale, store)
        rows = rows[(rows["status"] == "done") & rows["arm"].isin(asked)]
        rows = rows[rows["group"] == part.group] if part.group else rows
        rows = rows.drop_duplicates(["arm", "seed"])
        ours = {arm: of["top1"].to_numpy(float) for arm, of in rows.groupby("arm", sort=False)}
        if not ours:
            continue
        epochs = studies.history(part.study, store, scale, seeds)
        epochs = epochs[epochs["arm"].isin(ours)].drop_duplicates(["arm", "seed", "epoch"])
        gain = _late(epochs)
        values = list(ours.values())
        found = agreement(paper[list(ours)].to_numpy(float), values) if len(ours) == len(asked) else NO_TAU
        yield {
            "setting": name,
            "part": label,
            "models": len(ours),
            "seeds": int(rows.groupby("arm").size().min()),
            **found,
            "late": float(gain.max() - gain.mean()),
            "latest": str(gain.idxmax()),
            "core_minutes": float(rows.groupby("arm")["seconds"].mean().sum() / 60),
            "top1": " ".join(f"{arm}={of.mean():.1f}" for arm, of in ours.items()),
        }


def _late(epochs: pd.DataFrame) -> pd.Series:
    """What each model gains in the last fifth of its training, in points of accuracy, averaged over seeds."""
    gains: dict[str, list[float]] = {}
    for (arm, _), of in epochs.groupby(["arm", "seed"], sort=False):
        done = of.sort_values("epoch")
        before = done[done["epoch"] <= 0.8 * done["epoch"].max()]["top1"]
        gains.setdefault(str(arm), []).append(done["top1"].iloc[-1] - before.iloc[-1] if len(before) else np.nan)
    return pd.Series({arm: float(np.mean(of)) for arm, of in gains.items()})


def kept() -> pd.DataFrame:
    """The table of what was tried."""
    return pd.read_csv(TABLE) if TABLE.exists() else pd.DataFrame(columns=["setting", "part"])


def keep(rows: list[dict[str, Any]]) -> None:
    """Add rows to the table, in place of earlier ones of the same setting and part; in the order of the settings."""
    made = pd.DataFrame(rows)
    old = kept().merge(made[["setting", "part"]], how="left", indicator=True)
    old = old[old["_merge"] == "left_only"].drop(columns="_merge")
    table = pd.concat([old, made]) if len(old) else made
    orders = {"setting": list(settings()), "part": [*CHOSEN_BY, *JUDGED_BY]}
    table = table.sort_values(list(orders), key=lambda column: column.map(orders[str(column.name)].index))
    table.to_csv(TABLE, index=False, float_format="%.4f")


def show(rows: pd.DataFrame) -> None:
    """Print rows of the table."""
    for column in FIGURES:
        rows = rows.assign(**{column: [f"{value:.2f}" if pd.notna(value) else "" for value in rows[column]]})
    rows = rows.assign(
        interval=[f"[{low}, {high}]" if low else "" for low, high in zip(rows["low"], rows["high"], strict=True)],
        late=[f"{late:.1f} ({arm})" for late, arm in zip(rows["late"], rows["latest"], strict=True)],
    )
    columns = [
        "setting",
        "part",
        "models",
        "seeds",
        "tau",
        "interval",
        "itself",
        "true",
        "most",
        "late",
        "core_minutes",
    ]
    heads = [
        "setting",
        "part",
        "models",
        "seeds",
        "tau",
        "95 %",
        "itself",
        "true tau",
        "most",
        "late",
        "core min a seed",
    ]
    print(tabulate(rows[columns].to_numpy().tolist(), heads, floatfmt=".1f", disable_numparse=[4, 5, 6, 7, 8]))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", nargs="?", choices=("list", "try", "judge"), default="list")
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"settings of {SETTINGS.name}")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=[], metavar="MODEL", help="of the parts' models, these alone")
    parser.add_argument("--store", type=Path, default=Path("runs/scales"))
    asked = parser.parse_args()
    if asked.do == "list":
        return show(kept())
    if not asked.name:
        parser.error(f"{asked.do} needs the NAME of a setting: {', '.join(settings())}")
    if asked.seeds < 1:
        parser.error(f"--seeds: a number from 1 on, got {asked.seeds}")
    parts = CHOSEN_BY if asked.do == "try" else JUDGED_BY
    for name in asked.name:
        try:
            scale = str(scale_file(name, asked.store))
            load_scale(scale)
        except SpecError as error:
            parser.error(str(error))
        arms = {part: models(part, scale, asked.store) for part in parts.values()}
        there = dict.fromkeys(arm for of in arms.values() for arm in of)
        if unknown := set(asked.only) - there.keys():
            parser.error(f"--only: no model {', '.join(sorted(unknown))} to {asked.do}; there are {', '.join(there)}")
        for part, of in arms.items():
            if only := [arm for arm in of if not asked.only or arm in asked.only]:
                studies.run(part.study, scale=scale, seeds=asked.seeds, only=only, runs_dir=asked.store)
        rows = list(figures(name, parts, asked.store, asked.seeds))
        keep(rows)
        show(pd.DataFrame(rows))
    return None


if __name__ == "__main__":
    main()
