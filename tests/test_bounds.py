"""Every number that a spec may say has bounds, and they are the one mechanism that refuses booleans too."""

import re
from collections.abc import Iterator
from importlib import import_module
from math import isfinite
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

from searchspace.bounds import Within
from searchspace.spec import Spec
from studies.trials.recipe import Recipe
from studies.trials.seeds import numbered

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


@pytest.mark.parametrize("hint", FIELDS)
def test_bounds_are_finite(hint: Any) -> None:
    for mark in marks(hint):
        assert isfinite(mark.low) and isfinite(mark.high) and mark.low < mark.high


def marks(annotation: Any) -> Iterator[Within]:
    for part in get_args(annotation):
        if isinstance(part, Within):
            yield part
        yield from marks(part)


def test_one_form_of_refusal() -> None:
    whole, share = Within(1, 9), Within(0, 1, above=True, below=True)
    for bounds, value, message in (
        (whole, 0, "a whole number from 1 to 9, got 0"),
        (whole, True, "a whole number from 1 to 9, got True"),
        (whole, 2.5, "a whole number from 1 to 9, got 2.5"),
        (whole, 10**5000, "a whole number from 1 to 9, got a whole number of 16610 bits"),
        (whole, "x" * 100, f"a whole number from 1 to 9, got {'x' * 79!r}".removesuffix("'") + "..."),
        (share, 1, "a number above 0 and below 1, got 1"),
        (share, float("nan"), "a number above 0 and below 1, got nan"),
        (share, 10**5000, "a number above 0 and below 1, got a whole number of 16610 bits"),
        (Within(0, 1, below=True), "1", "a number from 0 to below 1, got '1'"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            bounds.check(value, whole=bounds is whole)
    assert whole.check("9", whole=True) == 9
    assert share.check(0.5, whole=False) == 0.5


def test_a_schema_tells_the_bounds() -> None:
    properties = Recipe.model_json_schema()["properties"]
    assert (properties["epochs"]["minimum"], properties["epochs"]["maximum"]) == (1, 100_000)
    assert (properties["lr"]["exclusiveMinimum"], properties["lr"]["maximum"]) == (0, 1000)
    assert properties["clip_grad"]["anyOf"][0]["exclusiveMinimum"] == 0
    assert properties["label_smoothing"]["exclusiveMaximum"] == 1


@pytest.mark.parametrize("seeds", [0, 1001, True, 2.5, "x", [], [-1], [True], [0, 0], [2**63], range(1001), None])
def test_seeds_are_a_number_or_a_list_of_different_ones(seeds: Any) -> None:
    with pytest.raises(ValueError, match=r"^(how many \(1 to 1000\), or a list|each seed once, got 0 twice)"):
        numbered(seeds)


def test_a_thousand_seeds_are_taken() -> None:
    assert numbered(1000) == numbered(range(1000)) == tuple(range(1000))
    assert numbered([7, 3, 2**63 - 1]) == (7, 3, 2**63 - 1)
