"""Costs of specs, remembered from one command to the next.

Counting 23 models takes half a minute and torch; the answer changes only with the spec and the code. Answers are
kept in the user's cache folder under a key of both; a cache that cannot be written is done without.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_cache_path

import blocks
import searchspace
from searchspace.spec import ModelSpec

Figures = dict[str, int]


def costs(specs: Sequence[ModelSpec], on_count: Callable[[int, int], None] | None = None) -> list[Figures]:
    """params, trainable, macs and activations of each spec; counts what is not remembered.

    `on_count(i, n)` is called before the i-th of n specs that must be counted.
    """

    def count(spec: ModelSpec) -> Figures:
        from searchspace.cost.traced import cost

        return cost(spec).as_dict()

    return _remembered("", specs, count, on_count)


def memory(specs: Sequence[ModelSpec]) -> list[int]:
    """Bytes of activations that training keeps for each picture (see `searchspace.cost.memory`), remembered too."""

    def measure(spec: ModelSpec) -> Figures:
        from searchspace.cost.memory import activation_bytes

        return {"activation_bytes": activation_bytes(spec)}

    return [figures["activation_bytes"] for figures in _remembered("memory/", specs, measure)]


def _remembered(
    kind: str,
    specs: Sequence[ModelSpec],
    count: Callable[[ModelSpec], Figures],
    on_count: Callable[[int, int], None] | None = None,
) -> list[Figures]:
    book = _read()
    keys = [kind + _key(spec) for spec in specs]
    missing = {key: spec for key, spec in zip(keys, specs, strict=True) if key not in book}
    for i, (key, spec) in enumerate(missing.items()):
        if on_count:
            on_count(i + 1, len(missing))
        book[key] = count(spec)
    if missing:
        _write(book)
    return [book[key] for key in keys]


def _key(spec: ModelSpec) -> str:
    return hashlib.sha256(f"{_code()}/{spec.model_dump_json()}".encode()).hexdigest()[:24]


@cache
def _code() -> str:
    """A digest of all that a count depends on beside the spec."""
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
