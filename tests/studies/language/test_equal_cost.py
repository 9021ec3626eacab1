"""Arms at equal cost."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from searchspace.cost.traced import cost
from searchspace.expand import SpecError, override
from searchspace.presets import preset
from searchspace.shrink import shrink
from searchspace.spec import ModelSpec
from studies.language.equal_cost import matched, nearest_cost
from studies.language.expansion import at_scale, full_size, trials
from studies.language.resolve import parse
from studies.language.scale_file import load_scale
from studies.language.study import Study
from studies.language.study_file import Match

StudyFile = Callable[..., Path]
DIGITS = load_scale("digits")
ANY = 0.999  # within a share that (almost) nothing exceeds
SMALL = override(
    preset("vit_dn"),
    {"backbone.depth": 8, "backbone.embed_dim": 16, "backbone.num_heads": 4, "backbone.mlp_ratio": 2.0},
)
GHOST = override(SMALL, {"backbone.mlp": "ghost"})  # takes whole MLP ratios of at least 2 alone

# A model, a field of it, and all its values up to 8 times larger or smaller that can be built.
FIELDS: list[tuple[ModelSpec, str, list[float]]] = [
    (SMALL, "backbone.depth", list(range(1, 65))),
    (SMALL, "backbone.embed_dim", list(range(4, 129, 4))),
    (SMALL, "backbone.mlp_ratio", [k / 20 for k in range(5, 321)]),
    (GHOST, "backbone.mlp_ratio", list(range(2, 17))),
]


def value(spec: ModelSpec, field: str) -> Any:
    found: Any = spec
    for part in field.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize(("model", "field", "values"), FIELDS, ids=["depth", "width", "ratio", "ghost ratio"])
@settings(max_examples=40, deadline=None)
@given(
    fixed=st.integers(0, 10**4),
    slope=st.integers(1, 10**4),
    power=st.sampled_from([0, 0.5, 1, 2]),  # 0: the field changes nothing
    target=st.integers(1, 10**6),
    within=st.sampled_from([0.01, 0.1, 0.5, ANY]),
)
def test_what_is_found_is_the_nearest_that_can_be_built(
    model: ModelSpec, field: str, values: list[float], fixed: int, slope: int, power: float, target: int, within: float
) -> None:
    def price(value: float) -> int:
        return fixed + round(slope * value**power)

    least = min(abs(price(candidate) - target) for candidate in values)
    assume(abs(least / target - within) > 1e-9)

    def found() -> ModelSpec:
        rule = Match(macs=field, within=within)
        return nearest_cost(model, field, target, lambda spec: price(value(spec, field)), rule)

    if least / target > within:
        with pytest.raises(SpecError, match=f"^match: no {field} gives"):
            found()
    else:
        assert abs(price(value(found(), field)) - target) == least
        assert override(found(), {field: value(model, field)}) == model, "nothing else is changed"


@pytest.mark.parametrize("power", [0.3, 1, 3])
@pytest.mark.parametrize(("model", "field", "values"), FIELDS, ids=["depth", "width", "ratio", "ghost ratio"])
def test_every_value_that_can_be_built_is_found_by_its_own_cost(
    model: ModelSpec, field: str, values: list[float], power: float
) -> None:
    def price(spec: ModelSpec) -> int:
        return round(10**6 * value(spec, field) ** power)

    chosen = values[:: max(1, len(values) // 60)]
    rule = Match(params=field, within=1e-9)
    found = [nearest_cost(model, field, round(10**6 * v**power), price, rule) for v in chosen]
    assert [value(spec, field) for spec in found] == chosen


def test_few_models_are_counted_to_find_one() -> None:
    counted: list[float] = []

    def price(spec: ModelSpec) -> int:
        counted.append(value(spec, "backbone.mlp_ratio"))
        return round(1000 * counted[-1])

    found = nearest_cost(SMALL, "backbone.mlp_ratio", 4321, price, Match(macs="backbone.mlp_ratio"))
    assert value(found, "backbone.mlp_ratio") == 4.3
    assert len(set(counted)) < 12  # of 316 that can be built: a count at full size takes a third of a second


def test_a_field_stays_a_whole_number_where_it_was_one() -> None:
    found = nearest_cost(SMALL, "backbone.depth", 105, lambda s: 10 * s.backbone.depth, Match(params="backbone.depth"))
    assert (found.backbone.depth, type(found.backbone.depth)) == (10, int)


def test_a_refusal_says_what_would_be_nearest_and_what_to_do() -> None:
    with pytest.raises(SpecError) as error:
        nearest_cost(
            SMALL,
            "backbone.depth",
            300_000_000,
            lambda s: 2_000_000 * s.backbone.depth,
            Match(macs="backbone.depth", within=0.1),
        )
    assert str(error.value) == (
        "match: no backbone.depth gives 300 M macs within 10 %: the nearest, 64, gives 128 M; "
        "allow more (`within`), or match another field"
    )


@pytest.mark.slow
@pytest.mark.parametrize("figure", ["macs", "params"])
def test_the_figure_that_is_named_is_made_equal_and_not_the_other(figure: str) -> None:
    reference = shrink(preset("t2t_vit_14"), DIGITS.shrink, 16, 3, 10)
    model = override(reference, {"backbone.depth": 2})
    found = matched(model, reference, Match(**{figure: "backbone.mlp_ratio"}))
    ours, theirs = cost(found).as_dict(), cost(reference).as_dict()
    assert ours[figure] == pytest.approx(theirs[figure], rel=0.05)
    other = {"macs": "params", "params": "macs"}[figure]
    assert ours[other] != pytest.approx(theirs[other], rel=0.02)


# ---- in a study


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ({"macs": "backbone.mlp_ratoi"}, "b: unknown field 'backbone.mlp_ratoi'; did you mean backbone.mlp_ratio"),
        ({"params": "nothing.like.it"}, "b: unknown field 'nothing.like.it'"),
        ({"macs": "backbone.position"}, "b: match: 'backbone.position' is no number in this model, got 'sinusoid'"),
        ({"macs": "backbone.qkv_bias"}, "b: match: 'backbone.qkv_bias' is no number in this model, got False"),
        ({"macs": "tokenizer"}, "b: match: 'tokenizer' is no number in this model, got {"),
        ({"macs": "backbone.num_heads"}, "b: match: no backbone.num_heads gives 1156 M macs within 5 %: the nearest, "),
        ({"macs": "drop_rate"}, "b: match: 'drop_rate' is 0 in this model"),
        ({"macs": "backbone.norm_eps"}, "b: match: no backbone.norm_eps "),
        ({"macs": "backbone.depth", "params": "backbone.depth"}, "match: one of `macs` and `params` names the field"),
        ({}, "match: one of `macs` and `params` names the field"),
        ({"macs": "backbone.depth", "within": 0}, "match.within: "),
        ({"macs": "backbone.depth", "within": 1}, "match.within: "),
        ({"macs": "backbone.depth", "withn": 0.1}, "match.withn: unknown field; did you mean within?"),
        ({"flops": "backbone.depth"}, "match.flops: unknown field"),
        ({"macs": ["backbone.depth"]}, "match.macs: "),
        ("backbone.depth", "match: "),
    ],
)
def test_a_match_that_does_not_work_is_one_line_with_its_place(
    study_file: StudyFile, match: object, message: str
) -> None:
    path = study_file(base="t2t_vit_7", arms={"a": {}, "b": {"backbone.depth": 2}}, match=match)
    with pytest.raises(SpecError) as error:
        full_size(parse(path))
    text = str(error.value)
    lines = path.read_text().splitlines()
    head = next(i for i, line in enumerate(lines, 1) if line.startswith("match"))
    assert text.startswith(f"{path}:"), text
    place, _, said = text.removeprefix(f"{path}:").partition(": ")
    assert head <= int(place) <= len(lines), text
    assert said.startswith(message)
    assert "\n" not in text


WITHIN = 0.02
DEEPER_GHOST = {"backbone.attention": "ghost", "backbone.depth": 8}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """A layer more and, by ghost attention, fewer MACs in each; at scale digits all are equally deep."""
    path = tmp_path_factory.mktemp("equal") / "s.yaml"
    path.write_text(
        "study: s\nbase: t2t_vit_7\nseeds: 2\n"
        "grid: {backbone.attention: [full, ghost], backbone.depth: [8]}\n"
        f"match: {{macs: backbone.mlp_ratio, within: {WITHIN}}}\n"
    )
    return parse(path)


@pytest.mark.slow
def test_every_arm_of_a_grid_costs_at_full_size_what_the_baseline_does(study: Study) -> None:
    base, *others = (replace(arm, model=model) for arm, model in zip(study.arms, full_size(study), strict=True))
    assert base.baseline and base.model == preset("t2t_vit_7"), "the baseline is as it is"
    target = cost(base.model).macs
    for arm, attention in zip(others, ("full", "ghost"), strict=True):
        changes = {"backbone.attention": attention, "backbone.depth": 8}
        plain = override(base.model, changes)
        assert attention == "ghost" or cost(plain).macs > (1 + WITHIN) * target, "else no test"
        assert abs(cost(arm.model).macs / target - 1) <= WITHIN, arm.name
        assert override(arm.model, {"backbone.mlp_ratio": 2.0}) == plain, "one field is changed"


@pytest.mark.slow
def test_every_arm_of_a_grid_costs_at_a_scale_what_the_baseline_does_there(study: Study) -> None:
    base, full, ghost = (item.model for item in at_scale(study, DIGITS))
    assert base == shrink(preset("t2t_vit_7"), DIGITS.shrink, 16, 3, 10)
    assert full == base, "what differed at full size does not here, and the MLP is as it was"
    assert ghost is not None
    assert ghost.backbone.mlp_ratio > 2 > full_size(study)[1].backbone.mlp_ratio
    assert abs(cost(ghost).macs / cost(base).macs - 1) <= WITHIN


def test_a_matched_arm_is_the_trial_that_one_would_write_by_hand(study: Study, study_file: StudyFile) -> None:
    made = {(arm.name, trial.seed): trial.id for arm, trial in trials(at_scale(study, DIGITS), (0, 1))}
    again = {(arm.name, trial.seed): trial.id for arm, trial in trials(at_scale(study, DIGITS), (1, 0))}
    assert made == again
    ghost = at_scale(study, DIGITS)[2]
    assert ghost.model is not None
    by_hand = DEEPER_GHOST | {"backbone.mlp_ratio": ghost.model.backbone.mlp_ratio}
    plain = parse(study_file(base="t2t_vit_7", arms={"base": {}, ghost.arm.name: by_hand}))
    found = {(arm.name, trial.seed): trial.id for arm, trial in trials(at_scale(plain, DIGITS), (0, 1))}
    assert found.items() <= made.items()
    assert len(set(found.values())) == 4


WHOLE = {"embed_dim": 256, "depth": 7, "num_heads": 4, "mlp_ratio": 4}  # but for the ratio that of the base


@pytest.mark.parametrize(
    ("content", "line", "own"),
    [
        ({"arms": {"a": {}, "b": {"backbone.depth": 2, "backbone.mlp_ratio": 4}}}, 7, "b: backbone.mlp_ratio is 4 "),
        ({"arms": {"a": {}, "b": {"backbone.mlp_ratio": 2.0}}}, 6, "b: backbone.mlp_ratio is 2.0 "),  # that of the base
        ({"arms": {"a": {}, "b": {"backbone": WHOLE}}}, 5, "b: backbone.mlp_ratio is 4 "),
        ({"arms": {"a": {}}, "grid": {"backbone.depth": [2], "backbone.mlp_ratio": [3, 4]}}, 8, "mlp_ratio=3: "),
    ],
)
def test_an_arm_that_sets_the_matched_field_itself_is_refused_with_its_place(
    study_file: StudyFile, content: dict[str, Any], line: int, own: str
) -> None:
    path = study_file(base="t2t_vit_7", **content, match={"macs": "backbone.mlp_ratio"})
    with pytest.raises(SpecError) as error:
        parse(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert own in str(error.value)
    assert "leave it out of the arm, or match another field" in str(error.value)


def test_the_baseline_may_set_the_matched_field(study_file: StudyFile) -> None:
    path = study_file(
        base="t2t_vit_7", arms={"a": {"backbone.mlp_ratio": 4}, "b": {}}, match={"macs": "backbone.mlp_ratio"}
    )
    assert parse(path).arms[0].model.backbone.mlp_ratio == 4
