"""`studies store ls | show | rm | verify | export | migrate`."""

import argparse
import json
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tabulate import tabulate

from searchspace.expand import SpecError
from searchspace.spec import CnnSpec, ModelSpec, to_dict
from studies.api.wording import counted
from studies.store.errors import DamagedError, NewerError
from studies.store.files import StoreError
from studies.store.lookup import trial_named
from studies.store.records import STATUSES
from studies.store.store import Store
from studies.store.verification import problems as found_problems
from studies.trials.trial import FileTeacher, TrialSpec, WeightsFile


def ls(arguments: argparse.Namespace) -> int:
    """A line a trial."""
    store = Store(arguments.runs_dir).check_there()
    rows = [_row(store, trial_id) for trial_id in store.ids()]
    if arguments.status:
        rows = [row for row in rows if row["status"] == arguments.status]
    if arguments.json:
        print(json.dumps(rows, indent=1))
        return 0
    if not rows:
        print(f"no trials in {store.root}")
        return 0
    rows.sort(key=lambda row: (row["model"], row["training"], row["seed"] if row["seed"] is not None else -1))
    lines = [
        [
            row["trial"],
            row["status"],
            row["model"],
            row["training"],
            "" if row["seed"] is None else row["seed"],
            _top1(row["top1"]),
        ]
        for row in rows
    ]
    print(tabulate(lines, ["trial", "status", "model", "training", "seed", "top-1 (%)"], disable_numparse=True))
    states = [f"{n} {state}" for state in STATUSES if (n := sum(row["status"] == state for row in rows))]
    print(f"\n{counted(len(rows), 'trial')}: {', '.join(states)}; {store.root}")
    return 0


def show(arguments: argparse.Namespace) -> int:
    """All that the store has of one trial."""
    import yaml

    store = Store(arguments.runs_dir).check_there()
    trial_id = trial_named(store, arguments.trial)
    state, figures = store.look(trial_id)
    trial = store.trial(trial_id)
    notes = {"failure": store.failure(trial_id), "pruned": store.pruned(trial_id)}
    content: dict[str, Any] = {"trial": trial_id, "status": state, "folder": store.folder(trial_id)}
    content |= {name: note for name, note in notes.items() if note}
    with suppress(DamagedError):
        figures = store.result(trial_id)  # with its epochs, if nothing has happened to them
    content |= {"result": dict(figures)} if figures else {}
    content |= {"spec": trial.model_dump(mode="json") | {"model": to_dict(trial.model)}}
    if arguments.json:
        print(json.dumps(content, indent=1))
        return 0
    history = content.get("result", {}).pop("history", [])
    print(yaml.safe_dump(content, sort_keys=False, width=120), end="")
    if history:
        columns = ["epoch", "lr", "train_loss", "loss", "top1", "top5", "test_pictures", "seconds"]
        lines = [[f"{record[c]:.4g}" for c in columns] for record in history]
        print("\n" + tabulate(lines, columns, disable_numparse=True, colalign=["right"] * len(columns)))
    return 0


def rm(arguments: argparse.Namespace) -> int:
    """Remove trials."""
    store = Store(arguments.runs_dir).check_there()
    chosen = [trial_named(store, name) for name in arguments.trial]
    if arguments.status:
        chosen += [trial_id for trial_id in store.ids() if _row(store, trial_id)["status"] == arguments.status]
    if not (chosen or arguments.status):
        raise SpecError("say which: ids of trials (see `studies store ls`), or --status failed, say")
    chosen = list(dict.fromkeys(chosen))
    if running := [trial_id for trial_id in chosen if store.state(trial_id) == "running"]:
        raise SpecError(f"a run trains {', '.join(running)} now: stop it first")
    rows = [_row(store, trial_id) for trial_id in chosen]
    for row in rows:
        print(f"{row['trial']}  {row['status']:8}  {row['model']}, seed {row['seed']}  {_top1(row['top1'])}")
    if chosen and not arguments.yes:
        if not sys.stdin.isatty():
            raise SpecError(f"nothing removed: add --yes to remove {counted(len(chosen), 'trial')}")
        if input(f"remove {counted(len(chosen), 'trial')}? [y/N] ").strip().lower() not in ("y", "yes"):
            print("nothing removed")
            return 0
    for trial_id in chosen:
        store.forget(trial_id)
    print(f"{counted(len(chosen), 'trial')} removed from {store.root}")
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Read every file; 1 if one is not what was written."""
    store = Store(arguments.runs_dir).check_there()
    ids = store.ids()
    found = {trial_id: problems for trial_id in ids if (problems := found_problems(store, trial_id))}
    if arguments.json:
        print(json.dumps({"trials": len(ids), "problems": found}, indent=1))
    else:
        for problems in found.values():
            for problem in problems:
                print(problem)
        print(f"{counted(len(ids), 'trial')}, {len(found)} with problems; {store.root}")
    return 1 if found else 0


def export(arguments: argparse.Namespace) -> int:
    """Write the frames as Parquet and CSV."""
    import pandas as pd

    from studies.reporting import frames

    folder = Path(arguments.out)
    if arguments.study:
        results = frames.results(arguments.study, arguments.runs_dir, arguments.scale)
        history = frames.history(arguments.study, arguments.runs_dir, arguments.scale)
    else:
        store = Store(arguments.runs_dir).check_there()
        rows, epochs = [], []
        for trial_id in store.ids():
            try:
                trial = store.trial(trial_id)
            except StoreError as error:
                print(f"left out: {error}", file=sys.stderr)
                continue
            names = {"trial": trial_id, "seed": trial.seed}
            rows.append(names | frames.measured(store, trial))
            epochs += [names | frames.plain_record(record) for record in frames.epochs_of(store, trial_id)]
        results, history = pd.DataFrame(rows), pd.DataFrame(epochs)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, frame in (("results", results), ("history", history)):
            frame.to_parquet(folder / f"{name}.parquet")
            frame.to_csv(folder / f"{name}.csv", index=False)
    except OSError as error:
        raise SpecError(f"cannot write to {folder}: {error.strerror}; choose another --out") from None
    print(
        f"{counted(len(results), 'trial')}, {counted(len(history), 'epoch')}: "
        f"{folder}/results and history, .parquet and .csv"
    )
    return 0


def migrate(arguments: argparse.Namespace) -> int:
    """Bring a store of an older version up to date."""
    from studies.store.migration import migrate as bring_up

    store = Store(arguments.runs_dir)
    before = store.format()
    if before is None:
        raise SpecError(f"there is no store at {store.root}; name another with --runs-dir")
    moved, left = bring_up(store)
    for line in left:
        print(f"left as it is: {line}")
    print(
        f"{store.root}: format {before} to {store.format()}, {counted(moved, 'trial')} taken over, "
        f"{len(left)} left as they are"
    )
    return 1 if left else 0


def summary(model: ModelSpec) -> str:
    """A model in a few words."""
    if isinstance(model, CnnSpec):
        return model.name
    tokenizer, backbone = to_dict(model.tokenizer), model.backbone
    parts = [" ".join(str(tokenizer[key]) for key in ("kind", "mixer") if tokenizer.get(key))]
    layers = backbone.layers()
    parts.append(f"{backbone.depth} x {backbone.embed_dim}, {_distinct(layer.num_heads for layer in layers)} heads")
    for name in ("attention", "mlp", "channel_attention"):
        if {getattr(layer, name) for layer in layers} - {"none", "full"}:
            parts.append(f"{name} {_distinct(getattr(layer, name) for layer in layers)}")
    parts += [f"{len(backbone.stages)} stages"] if backbone.stages else []
    parts += ["dense"] if backbone.dense else []
    return ", ".join(parts)


def _distinct(values: Iterable[object]) -> str:
    return "/".join(map(str, dict.fromkeys(values)))


def training(trial: TrialSpec) -> str:
    """Data, epochs and what a trial starts from in a few words."""
    text = f"{trial.data.kind} {trial.data.train_size} x {trial.recipe.epochs}"
    if isinstance(trial.teacher, FileTeacher):
        text += f", taught {trial.teacher.kind} by file {trial.teacher.file.sha256[:6]}"
    elif trial.teacher:
        text += f", taught {trial.teacher.kind} by {trial.teacher.trial[:6]}"
    if isinstance(trial.pretrained, WeightsFile):
        return f"{text}, from file {trial.pretrained.sha256[:6]}"
    return text + (f", from {trial.pretrained[:6]}" if trial.pretrained else "")


def _row(store: Store, trial_id: str) -> dict[str, Any]:
    state, figures = store.look(trial_id)
    row: dict[str, Any] = {"trial": trial_id, "status": state, "model": "?", "training": "", "seed": None, "top1": None}
    try:
        trial: TrialSpec = store.trial(trial_id)
        row |= {"model": summary(trial.model), "training": training(trial), "seed": trial.seed, "needs": trial.needs}
        row |= {"top1": figures["top1"] if figures else None}
    except NewerError:
        row["status"] = "newer"
    except StoreError:
        row["status"] = "damaged"
    return row


def _top1(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
