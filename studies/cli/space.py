"""`studies space list | show | stats | rank`."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from searchspace.expand import SpecError
from searchspace.knobs import Parameter
from searchspace.space import named_space, space_names
from studies.api.wording import amount, counted
from studies.cli.space_options import bounds

if TYPE_CHECKING:
    import pandas as pd

QUANTILES = {"least": 0.0, "5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95, "most": 1.0}
LONGEST = 12  # values of a knob that are all printed


def list_(arguments: argparse.Namespace) -> int:
    """Print the spaces that ship."""
    spaces = [named_space(name) for name in space_names()]
    if arguments.json:
        content = [{"name": s.name, "base": s.base, "knobs": len(s.knobs), "size": s.size()} for s in spaces]
        print(json.dumps(content, indent=1))
        return 0
    rows = [[s.name, s.base, len(s.knobs), f"{s.size():,}"] for s in spaces]
    print(tabulate(rows, ["space", "base", "knobs", "points"], disable_numparse=True, colalign=_right(2, 2)))
    print("\nnext: studies space show SPACE, studies space stats SPACE --figure costs.pdf")
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Print the knobs of a space, its size, and what its models cost."""
    from studies.api.space import space_facts

    facts = space_facts(arguments.space, **_how(arguments))
    if arguments.json:
        content: dict[str, Any] = {"name": facts.space.name, "size": facts.size, "samples": facts.samples}
        for name, (share, interval) in (("models", facts.models), ("within", facts.within)):
            content |= {f"{name}_percent": share, f"{name}_interval": interval}
        content |= {name: {"point": point} | cost for name, (point, cost) in facts.extremes.items()}
        print(json.dumps(content | facts.space.content(), indent=1))
        return 0
    print(f"{facts.space.name}: {facts.size:,} points around {facts.space.base}\n")
    rows = [[p.name, _values(p), _when(p)] for p in facts.space.parameters()]
    print(tabulate(rows, ["knob", "values", "only with"], disable_numparse=True))
    size = f"as scale {arguments.scale} shrinks them" if arguments.scale else "at full size"
    print(f"\nof {facts.samples} random points {_share(*facts.models)} make a model; costs are those of models {size}")
    if any(bounds(arguments).values()):
        print(f"within the budget are {_share(*facts.within)} of the models")
    for name, (point, cost) in facts.extremes.items():
        print(f"\n{name}: {amount(cost['macs'])} MACs, {amount(cost['params'])} params")
        print("  " + ", ".join(f"{knob} {value}" for knob, value in point.items()))
    return 0


def stats(arguments: argparse.Namespace) -> int:
    """Print quantiles of the costs of random models, and of the errors of those that are trained at the scale."""
    from studies.api.space import space_stats
    from studies.api.trained import known

    of = known(arguments.space, arguments.scale, arguments.runs_dir, **bounds(arguments)) if arguments.scale else None
    trained = of.frame.assign(error=100 - of.frame["top1"]) if of and of.found else None
    frame = space_stats(arguments.space, figure=arguments.figure, results=trained, **_how(arguments))
    _write(frame, arguments.csv)
    found = {name: [int(n) for n in frame[name].quantile(list(QUANTILES.values()))] for name in ("macs", "params")}
    shown: dict[str, Any] = {"samples": len(frame)} | _named(found)
    rows = _costs(found)
    if trained is not None:
        measured = {name: list(trained[name].quantile(list(QUANTILES.values()))) for name in (*found, "error")}
        shown["trained"] = {"models": len(trained), "measured_on": of and of.pictures} | _named(measured)
    if arguments.json:
        print(json.dumps(shown, indent=1))
        return 0
    print(f"{len(frame)} random models of space {arguments.space}")
    print(_table(rows))
    if trained is not None and of is not None:
        print(f"\n{counted(len(trained), 'model')} of it trained at scale {of.scale.scale}, error on {of.pictures}")
        print(_table([*_costs(measured), ["error (%)", *(f"{n:.1f}" for n in measured["error"])]]))
    else:
        print("\n" + (of.nothing if of else "--scale adds the errors of models that were trained there"))
    for path in filter(None, (arguments.figure, arguments.csv)):
        print(f"written: {path}")
    return 0


def rank(arguments: argparse.Namespace) -> int:
    """Print how well scores rank the models that are trained."""
    from reports.render import as_json
    from studies.api.rank import space_rank

    how = {"scores": arguments.scores, "pictures": arguments.pictures, "data_dir": arguments.data_dir}
    found = space_rank(arguments.space, runs_dir=arguments.runs_dir, **how, **_how(arguments))
    _write(found.models, arguments.csv)
    if arguments.json:
        of = {"models": len(found.models), "measured_on": found.of.pictures}
        print(json.dumps(of | {"scores": json.loads(as_json(found.correlations))}, indent=1))
        return 0
    print(
        f"{counted(len(found.models), 'model')} of space {arguments.space} trained at scale {found.of.scale.scale}, "
        f"accuracy on {found.of.pictures}; rank correlations with it, and 95 % intervals (bootstrap over models)"
    )
    rows = [
        [row["score"], *(_correlation(row, figure) for figure in ("spearman", "kendall", "over"))]
        for row in found.correlations.to_dict("records")
    ]
    headers = ["score", "Spearman", "Kendall", f"Spearman over {found.baseline}"]
    print(tabulate(rows, headers, disable_numparse=True))
    if arguments.csv:
        print(f"written: {arguments.csv}")
    return 0


def _correlation(row: Mapping[Any, Any], figure: str) -> str:
    value, low, high = row[figure], row[f"{figure}_low"], row[f"{figure}_high"]
    return "" if value != value else f"{value:+z.2f} ({low:+z.2f} to {high:+z.2f})"


def _write(frame: "pd.DataFrame", path: str | None) -> None:
    if path:
        try:
            frame.to_csv(path, index=False)
        except OSError as error:
            raise SpecError(f"cannot write {path}: {error.strerror}; choose another --csv") from None


def _named(found: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    return {name: dict(zip(QUANTILES, values, strict=True)) for name, values in found.items()}


def _costs(found: Mapping[str, Sequence[float]]) -> list[list[str]]:
    return [[label, *(amount(int(n)) for n in found[name])] for name, label in (("macs", "MACs"), ("params", "params"))]


def _table(rows: list[list[str]]) -> str:
    return tabulate(rows, ["", *QUANTILES], disable_numparse=True, colalign=_right(1, len(QUANTILES)))


def _how(arguments: argparse.Namespace) -> Mapping[str, Any]:
    how = {"scale": arguments.scale, "samples": arguments.samples, "seed": arguments.seed}
    return how | bounds(arguments)


def _values(parameter: Parameter) -> str:
    texts = [str(value) for value in parameter.values]
    if len(texts) > LONGEST:
        texts = [*texts[:2], "...", texts[-1]]
    return ", ".join(texts)


def _when(parameter: Parameter) -> str:
    return "; ".join(f"{name} {' or '.join(map(str, values))}" for name, values in (parameter.when or {}).items())


def _share(percent: float, interval: list[float]) -> str:
    low, high = interval
    return f"{percent:.1f} % ({low:.1f} to {high:.1f} %)"


def _right(left: int, right: int) -> list[str]:
    return ["left"] * left + ["right"] * right
