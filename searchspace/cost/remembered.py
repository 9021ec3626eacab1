"""Costs of specs, from the costs of their parts, remembered from one command to the next.

A part's cost (see `searchspace.cost.composed`) changes only with the part and the code. Answers are kept in the user's
cache folder under a key of both; a cache that cannot be written is done without. Where all parts of a spec are known,
no module is built and torch is not imported.
"""

import contextlib
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_cache_path

import blocks
import searchspace
from searchspace.cost.composed import Part, parts, role
from searchspace.cost.telling import told
from searchspace.spec import ModelSpec, model_spec

Figures = dict[str, int]
FIGURES = ("params", "trainable", "macs", "activations")

_known: dict[Part, Figures] = {}  # what this process has counted or read


def costs(specs: Sequence[ModelSpec]) -> list[Figures]:
    """params, trainable, macs and activations of each spec; parts that are not remembered are counted.

    While it counts, a line on stderr says so (see `searchspace.cost.telling`).

    Raises:
        CountError: if an operator is neither counted nor declared free.
        SpecError: if a CNN's library does not know its name or its arguments.
    """
    made = _known_parts(specs)
    return [{name: sum(n * _known[part][name] for part, n in found.items()) for name in FIGURES} for found in made]


def costs_by_role(specs: Sequence[ModelSpec]) -> list[dict[str, Figures]]:
    """The same figures of each spec as `costs`, by what a part is in its model (`searchspace.cost.composed.ROLES`).

    Raises:
        CountError, SpecError: as `costs`.
    """
    return [_by_role(found) for found in _known_parts(specs)]


def _known_parts(specs: Sequence[ModelSpec]) -> list[Counter[Part]]:
    """The parts of each spec, all of them counted."""
    made = [parts(spec) for spec in specs]
    _know((part for found in made for part in found), _count, ("counting the cost of", "part"))
    return made


def _by_role(found: Counter[Part]) -> dict[str, Figures]:
    sums = {role(part): dict.fromkeys(FIGURES, 0) for part in found}
    for part, times in found.items():
        for name in FIGURES:
            sums[role(part)][name] += times * _known[part][name]
    return sums


def memory(specs: Sequence[ModelSpec]) -> list[int]:
    """Bytes of activations that training keeps for each picture (see `searchspace.cost.memory`), remembered too."""
    made = [Part("memory", (spec.model_dump_json(),), (1, spec.in_chans, *spec.img_size)) for spec in specs]
    _know(made, _measure, ("measuring the memory of", "model"))
    return [_known[part]["activation_bytes"] for part in made]


def _count(part: Part) -> Figures:
    from searchspace.cost.traced import part_cost

    return part_cost(part).as_dict()


def _measure(whole: Part) -> Figures:
    from searchspace.cost.memory import activation_bytes

    return {"activation_bytes": activation_bytes(model_spec(json.loads(str(whole.arguments[0]))))}


def _know(wanted: Iterable[Part], count: Callable[[Part], Figures], what: tuple[str, str]) -> None:
    """Have the figures of these parts in `_known`: read, or counted and then written for the next command.

    `what` is done, and with what, for people.
    """
    unknown = [part for part in dict.fromkeys(wanted) if part not in _known]
    if not unknown:
        return
    book = _read()
    _known.update({part: book[key] for part in unknown if (key := _key(part)) in book})
    missing = [part for part in unknown if part not in _known]
    counted: dict[str, Figures] = {}
    try:
        for part in told(missing, *what, _path()):
            counted[_key(part)] = _known[part] = count(part)
    finally:
        if counted:
            _write(_read() | counted)


def _key(part: Part) -> str:
    return hashlib.sha256(f"{_code()}/{part}".encode()).hexdigest()[:24]


@cache
def _code() -> str:
    """A digest of all that a count depends on beside the part."""
    digest = hashlib.sha256(" ".join(version(name) for name in ("torch", "torchvision", "timm", "fvcore")).encode())
    for package in (blocks, searchspace):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _path() -> Path:
    return user_cache_path("t2t-studies") / "costs.json"


def _read() -> dict[str, Figures]:
    try:
        return json.loads(_path().read_text())
    except (OSError, ValueError):
        return {}


def _write(book: dict[str, Figures]) -> None:
    path = _path()
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(book))
        os.replace(temporary, path)
