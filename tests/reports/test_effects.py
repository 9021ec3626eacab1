"""Main effects and interactions, against values computed in other ways."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reports import effects_table
from reports.chances import surplus
from reports.contrast import Contrast
from reports.effects import ALIKE, NO_ARM, TOLD_NOT, Design, effects
from reports.render import render
from reports.statistics import over_seeds
from reports.welch import Pair, Sample

FACTORS = {"mixer": ["performer", "transformer", "none"], "gate": ["none", "se"], "depth": ["14", "11"]}


def design(factors: dict[str, list[str]] = FACTORS, without: tuple[str, ...] = ()) -> Design:
    cells = {cell: " ".join(cell) for cell in product(*factors.values())}
    return Design("g", factors, {cell: arm for cell, arm in cells.items() if arm not in without})


def trained(of: Design, seeds: int = 3, spread: float = 0.5, source: int = 0) -> pd.DataFrame:
    """A row a trial, with normal accuracies whose means are random too."""
    random = np.random.default_rng(source)
    rows = [
        {"group": "g", "arm": arm, "baseline": i == 0, "seed": seed, "status": "done", "top1": mean + noise}
        for i, arm in enumerate(of.cells.values())
        for mean in [random.uniform(70, 90)]
        for seed, noise in enumerate(random.normal(0, spread, seeds))
    ]
    return pd.DataFrame(rows).assign(params=1000, macs=2_000_000).assign(trial=lambda rows: range(len(rows)))


def by_name(found: pd.DataFrame) -> dict[tuple, dict]:
    return {(row["factor"], row["effect"]): row for row in found.to_dict("records")}


def coded(levels: list[str]) -> dict[str, np.ndarray]:
    """Levels as a linear model with effects that sum to 0 codes them."""
    eye = np.eye(len(levels) - 1)
    return {level: eye[i] if i < len(eye) else -np.ones(len(eye)) for i, level in enumerate(levels)}


def test_effects_of_a_balanced_design_are_those_of_least_squares() -> None:
    """A linear model of main effects and two-way interactions, which are orthogonal to what it leaves out."""
    of = design()
    results = trained(of)
    names, codes = list(FACTORS), {name: coded(levels) for name, levels in FACTORS.items()}
    pairs = [(0, 1), (0, 2), (1, 2)]

    def blocks(cell: tuple[str, ...]) -> list[np.ndarray]:
        mains = [codes[name][level] for name, level in zip(names, cell, strict=True)]
        return [np.ones(1), *mains, *(np.outer(mains[i], mains[j]).ravel() for i, j in pairs)]

    cells = {arm: cell for cell, arm in of.cells.items()}
    matrix = np.array([np.concatenate(blocks(cells[arm])) for arm in results["arm"]])
    solved, *_ = np.linalg.lstsq(matrix, results["top1"].to_numpy(), rcond=None)
    ends = np.cumsum([block.size for block in blocks(next(iter(of.cells)))])
    parts = np.split(solved, ends[:-1])[1:]
    found = by_name(effects(of, results))
    for i, name in enumerate(names):
        first, *others = FACTORS[name]
        for level in others:
            fitted = (codes[name][level] - codes[name][first]) @ parts[i]
            assert found[(name,), (level,)]["delta"] == pytest.approx(fitted)
    for k, (i, j) in enumerate(pairs):
        one, other = names[i], names[j]
        for a, b in product(FACTORS[one][1:], FACTORS[other][1:]):
            left = codes[one][a] - codes[one][FACTORS[one][0]]
            right = codes[other][b] - codes[other][FACTORS[other][0]]
            fitted = np.outer(left, right).ravel() @ parts[3 + k]
            assert found[(one, other), (a, b)]["delta"] == pytest.approx(fitted)
    assert len(found) == 4 + 5


def test_two_levels_of_a_single_factor_are_welchs_two_samples() -> None:
    of = design({"gate": ["none", "se"]})
    results = trained(of)
    values = {arm: rows["top1"] for arm, rows in results.groupby("arm")}
    (row,) = effects(of, results).to_dict("records")
    level = 0.05 / (1 + surplus(3, 3, 0.05))
    low, high = stats.ttest_ind(values["se"], values["none"], equal_var=False).confidence_interval(1 - level)
    assert row["delta"] - row["ci"] == pytest.approx(low)
    assert row["delta"] + row["ci"] == pytest.approx(high)


def test_a_single_factor_has_the_differences_of_the_studys_own_table() -> None:
    of = design({"mixer": FACTORS["mixer"]})
    results = trained(of, seeds=4).assign(test_pictures=500)
    table = over_seeds(results).set_index("arm")
    for row in effects(of, results).to_dict("records"):
        arm = table.loc[row["effect"][0]]
        assert (row["delta"], row["ci"]) == pytest.approx((arm["delta"], arm["ci"]))
        assert (row["verdict"], row["comparisons"]) == (arm["verdict"], arm["comparisons"])


def test_a_contrast_of_two_arms_is_a_pair_and_of_equal_noise_has_the_pooled_freedom() -> None:
    arm, base = Sample.of([70.0, 71.0, 75.0, 76.0]), Sample.of([80.0, 82.0, 84.0])
    two = Contrast([(1, arm), (-1, base)], 2.0, 900)
    assert two.half_width(0.01) == pytest.approx(Pair(arm, base, 2.0, 900).half_width(0.01))
    assert two.surplus(0.05) == pytest.approx(surplus(4, 3, 0.05))
    cells = [(sign, Sample(3, 80.0 + i, 1.5)) for i, sign in enumerate((1, -1, -1, 1))]
    assert Contrast(cells).freedom == pytest.approx(4 * 2)
    assert Contrast(cells).half_width(0.05) == pytest.approx(stats.t.isf(0.025, 8) * np.sqrt(4 * 1.5 / 3))


def test_all_combinations_weigh_the_same_whatever_their_seeds() -> None:
    of = design({"gate": ["none", "se"], "depth": ["14", "11"]})
    results = trained(of)
    means = results.groupby("arm")["top1"].mean()
    more = pd.concat([results, results[results["arm"] == "se 11"].assign(trial=lambda rows: rows["trial"] + 100)])
    row = by_name(effects(of, more))[("gate",), ("se",)]
    assert row["delta"] == pytest.approx(
        (means["se 14"] + means["se 11"]) / 2 - (means["none 14"] + means["none 11"]) / 2
    )
    assert (row["least"], row["most"]) == (3, 6)


def test_what_a_missing_arm_is_part_of_cannot_be_told_and_all_else_can() -> None:
    of = design(without=("none se 11",))
    found = effects(of, trained(of))
    told = {key for key, row in by_name(found).items() if row["verdict"] != TOLD_NOT}
    assert told == {(("mixer",), ("transformer",)), *((("mixer", other), ("transformer", level)) for other, level in (
        ("gate", "se"), ("depth", "11")))}  # fmt: skip
    rest = found[found["verdict"] == TOLD_NOT]
    assert rest[["delta", "ci"]].isna().all(axis=None)
    assert all(cells == [("none", "se", "11")] for cells in rest["missing"])
    assert set(found.loc[found["kind"] == "main", "comparisons"]) == {1}, "only what is told is corrected for"


@pytest.mark.parametrize(
    ("state", "reason"),
    [("failed", "1 failed of 3 seeds"), ("pruned", "1 stopped early of 3 seeds")],
)
def test_seeds_that_are_left_over_are_no_cell(state: str, reason: str) -> None:
    of = design({"gate": ["none", "se"], "depth": ["14", "11"]})
    results = trained(of)
    results.loc[results["arm"].eq("se 11") & results["seed"].eq(0), ["status", "top1"]] = [state, np.nan]
    results.loc[results["arm"].eq("se 14"), ["status", "top1"]] = ["planned", np.nan]
    assert set(effects(of, results)["verdict"]) == {TOLD_NOT}
    text = render(effects_table.sections("s", "digits", of, results), "text")
    assert f"Missing of 4 combinations, {reason}: se 11." in text
    assert "Missing of 4 combinations, not trained: se 14." in text


def test_an_arm_that_the_study_has_not_and_one_that_is_refused_say_so() -> None:
    whole = design({"gate": ["none", "se"], "depth": ["14", "11"]})
    cells = {cell: arm for cell, arm in whole.cells.items() if arm != "se 11"}
    of = Design("g", whole.factors, cells, {"se 14": "match: no ratio is near enough"})
    results = trained(whole)
    results = results[results["arm"].isin(["none 14", "none 11"])]
    text = render(effects_table.sections("s", "digits", of, results), "text")
    assert f"{NO_ARM}: gate se, depth 11." in text
    assert "match: no ratio is near enough: se 14." in text


def test_a_single_seed_gives_no_interval() -> None:
    of = design({"gate": ["none", "se"], "depth": ["14", "11"]})
    results = trained(of)
    results = results[(results["arm"] != "se 11") | (results["seed"] == 0)]
    found = effects(of, results)
    assert found["ci"].isna().all()
    assert found["delta"].notna().all()
    assert set(found["verdict"]) == {"unresolved"}
    assert "No interval with a single seed: 2 of 2 effects." in render(
        effects_table.sections("s", "digits", of, results), "text"
    )


def test_levels_that_are_one_model_have_no_effect_and_their_trials_count_once() -> None:
    of = design({"gate": ["none", "se"], "depth": ["14", "11"]})
    results = trained(of)
    for gate in ("none", "se"):
        same = results.loc[results["arm"] == f"{gate} 14", ["trial", "top1"]].to_numpy()
        results.loc[results["arm"] == f"{gate} 11", ["trial", "top1"]] = same
    found = by_name(effects(of, results))
    assert found[("depth",), ("11",)]["verdict"] == found[("gate", "depth"), ("se", "11")]["verdict"] == ALIKE
    alone = design({"gate": ["none", "se"]})
    single = results[results["arm"].isin(["none 14", "se 14"])]
    single = single.assign(arm=single["arm"].str.removesuffix(" 14"))
    (row,) = effects(alone, single).to_dict("records")
    gate = found[("gate",), ("se",)]
    assert (gate["delta"], gate["ci"]) == pytest.approx((row["delta"], row["ci"])), "twice the arms, the same trials"


def test_no_effect_rests_on_a_handful_of_pictures() -> None:
    of = design({"gate": ["none", "se"], "depth": ["14", "11"]})
    results = trained(of, spread=0.001)
    results["top1"] = 80 + results["arm"].str.startswith("se") * 0.5 + results["top1"] % 0.001
    assert by_name(effects(of, results))[("gate",), ("se",)]["verdict"] == "higher"
    assert by_name(effects(of, results.assign(test_pictures=400)))[("gate",), ("se",)]["verdict"] == "unresolved"


@pytest.mark.parametrize("first", [1, 8])
def test_all_intervals_of_a_family_hold_at_once(first: float) -> None:
    """Of 120 studies 5 % are 6, with a standard deviation of 2.4; uncorrected intervals miss in 17."""
    of = design()
    deviations = np.repeat([first] + [1.0] * (len(of.cells) - 1), 3)
    random = np.random.default_rng(7)
    results = trained(of)
    false = {"main": 0, "interaction": 0}
    for _ in range(120):
        results["top1"] = 80 + random.normal(0, deviations)
        found = effects(of, results)
        for kind in false:
            false[kind] += bool(found.loc[found["kind"] == kind, "verdict"].isin(["higher", "lower"]).any())
    assert max(false.values()) <= 6 + 2 * 2.4, false


def test_tables_say_it_in_words() -> None:
    of = design({"gate": ["none", "se"], "depth": ["14", "11"]})
    results = trained(of, spread=0.1)
    tops = {"none 14": 80.0, "se 14": 83.0, "none 11": 80.1, "se 11": 87.0}
    results["top1"] = results["arm"].map(tops) + results["top1"] % 0.1
    main, crossed = effects_table.sections("s", "digits", of, results)
    assert main.frame["factor"].tolist() == ["gate", "", "depth", ""]
    assert main.frame["verdict"].tolist()[:2] == ["baseline", "higher"]
    assert main.frame["mean"].tolist()[0] == "80.1"
    assert crossed.frame["verdict"].tolist() == ["more than the sum"]
    assert crossed.frame.iloc[0].tolist()[:4] == ["gate x depth", "se, 11", "none, 14", "3"]
    for style in ("text", "md", "latex"):
        assert "more than the sum" in render([main, crossed], style)
