"""`studies plan`."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from tabulate import tabulate

from studies.api.plan import plan
from studies.api.wording import counted, duration
from studies.language.search_file import load_search
from studies.store.store import Store

if TYPE_CHECKING:
    from studies.api.search_plan import SearchForecast


def main(arguments: argparse.Namespace) -> int:
    """Print the trials, their costs and the time they would take; and the search, of a study file that has one."""
    file = load_search(arguments.study)
    found = _search(arguments) if file else None
    if file and found and not file.arms:
        print(json.dumps({"search": found.plain()}, indent=1) if arguments.json else found)
        return 0
    made = plan(
        arguments.study,
        scale=arguments.scale,
        seeds=arguments.seeds,
        baseline_seeds=arguments.baseline_seeds,
        only=arguments.only,
        everything=arguments.all,
        runs_dir=arguments.runs_dir,
        devices=arguments.devices or arguments.jobs,
        device_type=arguments.device_type,
        data_dir=arguments.data_dir,
        resolve=arguments.resolve,
        max_seeds=arguments.max_seeds,
    )
    guess, missing, study, scale = made.estimate, made.missing, made.plan.study, made.plan.scale
    if arguments.json:
        content = (
            {
                "study": study.name,
                "scale": scale.scale,
                "trials": made.rows,
                "refused": {item.arm.name: item.refusal for item in made.plan.refused},
                "alike": made.plan.alike,
                "cautions": made.plan.cautions,
                "devices": made.devices,
                "device_type": made.device,
                "device_seconds": guess.device_seconds,
                "wall_seconds": guess.wall_seconds,
                "basis": guess.basis(missing),
            }
            | ({"search": found.plain()} if found else {})
            | ({"expected": asdict(made.expected)} if made.expected else {})
        )
        print(json.dumps(content, indent=1))
        return 0
    print(f"{study.name} at scale {scale.scale}: {scale.description}\n")
    print(_table(made.rows))
    print()
    for item in made.plan.refused:
        print(f"not at this scale: {item.arm.name} ({item.refusal})")
    for line in [*made.plan.alike, *made.plan.cautions]:
        print(line)
    optional = [arm for arm in study.arms if arm.optional]
    if optional and not (arguments.all or arguments.only):
        print(f"left out: {len(optional)} optional arms, trained with --all")
    count = len(made.plan.trials)
    print(
        f"{counted(count, 'trial')}: {count - len(missing)} done, {len(missing)} to train; "
        f"{made.devices} at a time on {made.device}"
    )
    store = made.plan.store
    print(f"store: {store.root}{'' if store.is_there else ', which is not there yet'}")
    if missing:
        most = "at most " if made.expected else ""
        print(
            f"{most}about {duration(guess.wall_seconds)} ({duration(guess.device_seconds)} of training); "
            f"basis: {guess.basis(missing)}"
        )
    if made.expected:
        print(
            f"expected: {made.expected.trials:.0f} trials, {duration(made.expected.device_seconds)} of training; "
            f"{made.expected.basis}"
        )
    if found:
        print(f"\n{found}\nit is run by: studies search {arguments.study}")
    return 0


def _search(arguments: argparse.Namespace) -> "SearchForecast":
    """What the search of a study file would train."""
    from studies.api.search_plan import search_forecast  # Optuna and torch, for those who search
    from studies.api.search_settings import asked

    what = asked(arguments.study, {"scale": arguments.scale})
    return search_forecast(what, Store(arguments.runs_dir), arguments.devices or arguments.jobs)


def _table(rows: Sequence[dict]) -> str:
    """One line an arm: its seeds by state; a trial that several arms share is counted with the first."""
    arms: dict[tuple[str, str], list[dict]] = {}
    for row in rows:
        arms.setdefault((row["group"], row["arm"]), []).append(row)
    lines: list[list[str]] = []
    groups: set[str] = set()
    seen: dict[str, str] = {}
    for (group, arm), members in arms.items():
        states = [row["status"] for row in members]
        counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        first = members[0]
        twin = seen.setdefault(first["trial"], arm)
        cost = [
            f"{first['params'] / 1e3:.1f}",
            f"{first['macs'] / 1e6:.3f}",
            f"{first['activation_bytes'] / 2**20:.1f}",
            f"{first['seconds']:.{0 if first['seconds'] >= 10 else 1}f}",
        ]
        shown = "" if group in groups else group
        groups.add(group)
        trials = counted if twin == arm else f"those of {twin}"
        lines.append([shown, arm, *cost, trials, first["stage"], ", ".join(first["waits_for"])])
    headers = [
        "group",
        "arm",
        "params (k)",
        "MACs (M)",
        "activations\n(MiB a batch)",
        "s a trial",
        "trials",
        "stage",
        "waits for",
    ]
    for at in (-1, -2):  # nobody waits, or there are no stages
        if not any(line[at] for line in lines):
            del headers[at]
            for line in lines:
                del line[at]
    sides = ("left", "left", *["right"] * 4, *["left"] * (len(headers) - 6))
    return tabulate(lines, headers, disable_numparse=True, colalign=sides)
