"""Every number that a spec may say has bounds, and they are the one mechanism that refuses booleans too."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

from searchspace.bounds import Within
from searchspace.spec import Spec

ROOT = Path(__file__).parents[1]
# Values that a generator gives to fields, each of which is checked as that field's.
CHECKED_ELSEWHERE = {
    ("Generators", "ablate"),
    ("Generators", "add_one"),
    ("Group", "ablate"),
    ("Group", "add_one"),
    ("StudyFile", "ablate"),
    ("StudyFile", "add_one"),
}


def specs(model: type[BaseModel] = Spec) -> Iterator[type[BaseModel]]:
    for inner in model.__subclasses__():
        yield inner
        yield from specs(inner)


def modules() -> None:
    for folder in ("searchspace", "studies/trials", "studies/language"):
        for path in (ROOT / folder).rglob("*.py"):
            import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))


def unbounded(annotation: Any) -> bool:
    """Whether a type may hold a number that has no bounds."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        marks = [mark for mark in arguments[1:] if isinstance(mark, Within)]
        return not marks and unbounded(arguments[0])
    if origin in (Union, UnionType, list, tuple, dict, set):
        return any(unbounded(argument) for argument in arguments if argument is not Ellipsis)
    return annotation in (int, float)


modules()
FIELDS = [
    pytest.param(hint, id=f"{model.__name__}.{name}")
    for model in dict.fromkeys(specs())
    if model.__module__.startswith(("searchspace.", "studies."))
    for name, hint in get_type_hints(model, include_extras=True).items()
    if name in model.model_fields and (model.__name__, name) not in CHECKED_ELSEWHERE
]


@pytest.mark.parametrize("hint", FIELDS)
def test_a_number_of_a_spec_has_a_lower_and_an_upper_bound(hint: Any) -> None:
    assert not unbounded(hint), f"annotate it with searchspace.bounds.Within: {hint}"


def test_the_search_for_unbounded_numbers_finds_them() -> None:
    assert len(FIELDS) > 100
    assert unbounded(int)
    assert unbounded(dict[str, list[float] | None])
    assert unbounded(tuple[Annotated[int, Within(0, 1)], float])
    assert not unbounded(Annotated[float | None, Within(0, 1)])
    assert not unbounded(bool)
