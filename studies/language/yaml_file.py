"""YAML files whose errors name the file and the line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from searchspace.bounds import LONGEST, shown
from searchspace.expand import SpecError, describe, most_telling_first, nearest, place

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # PyYAML without libyaml
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

MERGE = "tag:yaml.org,2002:merge"
Path_ = tuple[str | int, ...]
DEPTH = 20  # of nesting; a study file has 6
LENGTH = 1_000_000  # characters
NODES = 100_000  # keys and values, with what aliases repeat
T = TypeVar("T", bound=BaseModel)


class YamlFile:
    """Plain data of a YAML file, and the line of every key in it.

    Raises:
        SpecError: if the file cannot be read, is not YAML, is not a mapping, or has a key twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Path_, int] = {}
        try:
            with path.open(encoding="utf-8") as opened:
                text = opened.read(LENGTH + 1)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise SpecError(f"cannot read {path}: {reason}") from None
        except ValueError as error:  # a path with a null byte
            raise SpecError(f"cannot read {str(path)!r}: {error}") from None
        if len(text) > LENGTH:
            raise SpecError(f"{path}: too long: at most {LENGTH} characters")
        self._nodes = 0
        try:
            loader = Loader(text)
            node = loader.get_single_node()
            self.data: Any = self._data(loader, node, ()) if node is not None else None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{path}:{mark.line + 1}" if mark else str(path)
            raise SpecError(f"{where}: not YAML: {error.problem or error.context}") from None
        except yaml.YAMLError as error:
            raise SpecError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
        except RecursionError:
            raise SpecError(f"{path}: nested too deeply") from None
        if not isinstance(self.data, dict):
            raise SpecError(f"{path}: it must be a mapping, `key: value` lines, got {shown(self.data)}")

    def error(self, where: Sequence[str | int], message: str, kind: str = "value") -> SpecError:
        """The message with file and line of the nearest key that stands in the file."""
        return SpecError(f"{self.place(where)}: {' '.join(message.split())}", ".".join(map(str, where)), kind)

    def place(self, where: Sequence[str | int]) -> str:
        """File and line of the nearest key that stands in the file."""
        key = tuple(where)
        while key and key not in self.lines:
            key = key[:-1]
        return f"{self.path}:{self.lines.get(key, 1)}"

    def validate(self, model: type[T]) -> T:
        """The data as a model.

        Raises:
            SpecError: the first problem, with the nearest valid name for a key that is misspelt.
        """
        try:
            return model.model_validate(self.data)
        except ValidationError as problem:
            # A key that is misspelt explains the key that is missing.
            first = most_telling_first(problem, self.data)[0]
            message, where = describe(first, self.data), place(first, self.data)
            if first["type"] == "extra_forbidden":
                message += nearest(str(where[-1]), _keys(model, where[:-1]))
            inner = first.get("ctx", {}).get("error")
            if isinstance(inner, SpecError):  # it may know better where, as a key of a mapping has dots of its own
                within = ".".join((*map(str, where), inner.where))
                where = next((key for key in self.lines if ".".join(map(str, key)) in (inner.where, within)), where)
            raise self.error(where, message) from None

    def _data(self, loader: Any, node: yaml.Node, where: Path_) -> Any:
        line = node.start_mark.line + 1
        self._nodes += 1
        if len(where) > DEPTH:
            raise SpecError(f"{self.path}:{line}: nested too deeply, or an alias within itself")
        if self._nodes > NODES:
            raise SpecError(f"{self.path}:{line}: too much: at most {NODES} keys and values, aliases written out")
        if isinstance(node, yaml.MappingNode):
            made: dict[Any, Any] = {}
            inherited = self._merged(loader, node, where)
            for key_node, value_node in node.value:
                if key_node.tag == MERGE:
                    continue
                key = self._scalar(loader, key_node)
                line = key_node.start_mark.line + 1
                if not isinstance(key, str):
                    written = getattr(key_node, "value", None)
                    text = f"{written[:LONGEST]}, which YAML reads as " if isinstance(written, str) else ""
                    raise SpecError(f"{self.path}:{line}: keys are text, got {text}{shown(key)}; put it in quotes")
                if key in made:
                    raise SpecError(f"{self.path}:{line}: {key!r} stands twice; remove or rename one")
                self.lines[(*where, key)] = line
                made[key] = self._data(loader, value_node, (*where, key))
            return {key: value for key, value in inherited.items() if key not in made} | made
        if isinstance(node, yaml.SequenceNode):
            for i, item in enumerate(node.value):
                self.lines[(*where, i)] = item.start_mark.line + 1
            return [self._data(loader, item, (*where, i)) for i, item in enumerate(node.value)]
        return self._scalar(loader, node)

    def _merged(self, loader: Any, node: yaml.MappingNode, where: Path_) -> dict[Any, Any]:
        """What a mapping takes over by `<<: *other`, or of several in a list, of which the first has the last word."""
        made: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag != MERGE:
                continue
            sources = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            for source in reversed(sources):
                if not isinstance(source, yaml.MappingNode):
                    line = key_node.start_mark.line + 1
                    raise SpecError(f"{self.path}:{line}: <<: takes a mapping, or a list of them, *name say")
                made |= self._data(loader, source, where)
        return made

    def _scalar(self, loader: Any, node: yaml.Node) -> Any:
        try:
            return loader.construct_object(node, deep=True)
        except ValueError as error:  # a date or a number that there is not
            raise SpecError(f"{self.path}:{node.start_mark.line + 1}: {shown(node.value)}: {error}") from None


def _keys(model: type[BaseModel], where: tuple[str | int, ...]) -> list[str]:
    """Field names valid at a place in a model of mappings of models."""
    from searchspace.expand import inner_models

    models: list[type[BaseModel]] = [model]
    for part in where:
        found = [m for m in models if part in m.model_fields]
        if found:
            models = [i for m in found for i in inner_models(m.model_fields[str(part)].annotation)]
    return [name for m in models for name in m.model_fields]
