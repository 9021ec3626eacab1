"""What a table of the paper says of its rows: marks, structures, digits, and rows without a number of their own."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import published
from reports.compare import full_size
from reports.paper_table import compared, sections
from reports.render import STYLES, WIDTH, render

BASE, ARM, NOISE = [80.0, 80.6, 79.4], [83.4, 82.4, 84.4], [80.0, 81.0, 79.0]


def printed_counts(number: int) -> pd.DataFrame:
    """Counts that are the paper's own figures."""
    paper = published.table(number).drop_duplicates(["group", "model"])
    texts = {"tokens": paper["paper_tokens"], "structure": paper["paper_structure"]}
    figures = {"params_m": paper["paper_params_m"], "macs_g": paper["paper_macs_g"]}
    return paper[["group", "model"]].assign(**texts, **figures)


def run(**arms: tuple[str, list[float]]) -> pd.DataFrame:
    """A made-up run: the model that an arm is, and its accuracies; the first is the baseline."""
    rows = [
        {"group": "", "arm": arm, "baseline": i == 0, "seed": seed, "status": "done", "trial": f"{model}-{seed}"}
        | {"top1": top1, "params": 1000, "macs": 2_000_000}
        for i, (arm, (model, values)) in enumerate(arms.items())
        for seed, top1 in enumerate(values)
    ]
    return pd.DataFrame(rows)


def text(number: int, results: pd.DataFrame) -> str:
    """The printed table, its lines joined."""
    rows = compared(number, printed_counts(number), results)
    return " ".join(render(sections(number, rows, "digits", []), "text").split())


VIT, T2T = {"ViT-S/16": ("vit", BASE)}, {"T2T-ViT-14": ("t2t", ARM)}


def test_one_comparison_reads_the_same_in_three_tables() -> None:
    runs = {
        1: VIT | T2T | {"T2T-ViT-19": ("19", NOISE)},
        2: VIT | T2T | {"T2T-ViT-14@384": ("t2t", ARM), "T2T-ViT-24": ("24", NOISE)},
        5: VIT | T2T | {"T2T-ViT-19": ("19", NOISE)},
    }
    rows = {n: compared(n, printed_counts(n), run(**arms)).set_index("model") for n, arms in runs.items()}
    figures = [
        table.loc["T2T-ViT-14", ["delta", "ci", "p", "comparisons", "verdict"]].tolist() for table in rows.values()
    ]
    assert figures[0] == figures[1] == figures[2]
    assert figures[0][3:] == [2, "higher"]


def test_a_table_says_for_how_many_comparisons_its_verdicts_are_corrected() -> None:
    both = run(**VIT, **T2T, **{"T2T-ViT-14@384": ("t2t", ARM), "T2T-ViT-24": ("24", NOISE)})
    assert "corrected for 2 comparisons, so" in text(2, both)
    assert "corrected for 1 comparison, so" in text(2, run(**VIT, **T2T))
    groups = [run(a=("a", BASE), b=("b", ARM), c=("c", ARM)), run(a=("a", BASE), b=("b", ARM))]
    names = [
        {"a": "T2T-ViT-14 wo T2T", "b": "T2T-ViT-14", "c": "T2T-ViT_c-14"},
        {"a": "T2T-ViT-14", "b": "T2T-ViT-d768-4"},
    ]
    both = pd.concat(
        data.assign(group=group, arm=data["arm"].map(known))
        for data, group, known in zip(groups, ["T2T module", "DN structure"], names, strict=True)
    )
    assert "corrected for 2 comparisons (T2T module) and 1 (DN structure), so" in text(7, both)


def test_arms_that_the_paper_has_not_are_no_comparisons_of_its_table() -> None:
    rows = compared(2, printed_counts(2), run(**VIT, **T2T, mine=("mine", NOISE))).set_index("model")
    assert rows.loc["T2T-ViT-14", "comparisons"] == 1


def test_a_verdict_that_only_the_correction_takes_away_is_told() -> None:
    weak = {"T2T-ViT-14": ("t2t", [82.4, 81.4, 83.4])}
    told = "Unresolved as one of these comparisons, but not by itself at 5 %: T2T-ViT-14 (higher, p=0.0"
    assert told in text(2, run(**VIT, **weak, **{"T2T-ViT-24": ("24", NOISE)}))
    assert told not in text(2, run(**VIT, **weak))


def test_why_there_is_no_interval_is_told() -> None:
    still = run(**{"ViT-S/16": ("vit", [80.0, 80.0]), "T2T-ViT-14": ("t2t", [81.0, 81.0])})
    assert "No interval without any spread between seeds: T2T-ViT-14." in text(2, still)
    single = run(**{"ViT-S/16": ("vit", [80.0, 80.0]), "T2T-ViT-14": ("t2t", [81.0])})
    assert "No interval with a single seed: T2T-ViT-14." in text(2, single)
    assert "No interval" not in text(2, run(**VIT, **T2T))


def test_a_row_whose_model_is_another_of_its_table_has_no_number_of_its_own() -> None:
    results = run(**VIT, **T2T, **{"T2T-ViT-14@384": ("t2t", ARM)})
    rows = compared(2, printed_counts(2), results).set_index("model")
    measured = ["top1", "top1_sd", "n", "delta", "ci", "p", "run_params_k", "run_macs_m"]
    assert rows.loc["T2T-ViT-14@384", measured].isna().all()
    assert rows.loc["T2T-ViT-14@384", "no_number"] == "at this scale it is one and the same model as T2T-ViT-14"
    assert rows.loc["T2T-ViT-14", measured].notna().all()
    line = next(line for line in run_part(2, results).splitlines() if line.startswith("T2T-ViT-14@384"))
    assert line.split() == ["T2T-ViT-14@384", "83.3", "as", "T2T-ViT-14"]


def test_a_row_that_is_not_what_its_name_says_has_no_number_and_is_no_comparison() -> None:
    results = run(**VIT, **T2T, **{"DeiT-small-Distilled": ("two tokens", NOISE)})
    with_it = compared(2, printed_counts(2), results, {("", "DeiT-small-Distilled"): "no teacher"}).set_index("model")
    without = compared(2, printed_counts(2), run(**VIT, **T2T)).set_index("model")
    columns = ["delta", "ci", "p", "comparisons", "verdict"]
    assert with_it.loc["T2T-ViT-14", columns].tolist() == without.loc["T2T-ViT-14", columns].tolist()
    assert with_it.loc["DeiT-small-Distilled", ["verdict", "no_number"]].tolist() == ["not as named", "no teacher"]
    assert with_it.loc["DeiT-small-Distilled", ["top1", "n", "run_params_k"]].isna().all()
    planned = run(**VIT).pipe(lambda data: pd.concat([data, results[results["arm"] == "DeiT-small-Distilled"]]))
    planned["status"] = planned["status"].mask(planned["arm"] != "ViT-S/16", "planned")
    rows = compared(2, printed_counts(2), planned, {("", "DeiT-small-Distilled"): "no teacher"}).set_index("model")
    assert rows.loc["DeiT-small-Distilled", "no_number"] == "", "nothing was trained of it"


def run_part(number: int, results: pd.DataFrame) -> str:
    rows = compared(number, printed_counts(number), results)
    return render(sections(number, rows, "digits", []), "text").split("as trained here")[1]


# ---- marks, digits, structures


@pytest.mark.parametrize(
    ("number", "asterisks", "daggers"),
    [
        (2, [], ["DeiT-small", "DeiT-small-Distilled"]),
        (3, ["ResNet50", "ResNet101", "ResNet152"], ["ResNet50", "ResNet101", "ResNet152"]),
        (4, ["MobileNetV1 1.0x", "MobileNetV2 1.0x", "MobileNetV2 1.4x"], ["MobileNetV3 (Searched)"]),
        (
            6,
            ["ResNet50", "Wide-ResNet18x1.5", "DenseNet201", "SENet50", "ResNeXt50", "ResNet50-Ghost"],
            ["AlexNet", "VGG11", "Inception v3", "ResNet50"],
        ),
        (7, [], []),
    ],
)
def test_asterisks_and_daggers_are_the_papers(number: int, asterisks: list[str], daggers: list[str]) -> None:
    section = sections(number, compared(number, printed_counts(number), None), "digits", [])[0]
    names = section.frame["model"]
    assert names[names.str.endswith("*")].str[:-1].tolist() == asterisks
    assert names[names.str.endswith("\u2020")].str[:-1].tolist() == daggers
    assert any(remark.startswith("*") for remark in section.remarks) == bool(asterisks)
    assert any(remark.startswith("\u2020") for remark in section.remarks) == bool(daggers)


def test_a_quoted_accuracy_has_its_dagger_beside_ours_too() -> None:
    part = run_part(2, run(**VIT, **{"DeiT-small": ("deit", ARM)}))
    assert "DeiT-small\u2020" in part
    assert "accuracy that the paper quotes" in part


@pytest.mark.parametrize("number", published.TABLES)
def test_every_figure_is_printed_with_the_papers_own_digits(number: int) -> None:
    raw = pd.read_csv(published.FOLDER / f"table{number}.csv", dtype=str, keep_default_na=False)
    frame = sections(number, compared(number, printed_counts(number), None), "digits", [])[0].frame
    for ours, theirs in {"paper_params_m": "params_m", "paper_macs_g": "macs_g", "paper_top1": "top1"}.items():
        if theirs in raw:
            assert frame[ours].tolist() == raw[theirs].tolist()


@pytest.mark.parametrize("number", [1, 6])
def test_the_papers_columns_of_structure_are_printed_whole(number: int) -> None:
    raw = pd.read_csv(published.FOLDER / f"table{number}.csv", dtype=str, keep_default_na=False)
    frame = sections(number, compared(number, printed_counts(number), None), "digits", [])[1].frame.set_index("model")
    parts = ("depth", "hidden_dim", "mlp_size", "t2t_transformer")
    for row in raw.to_dict("records"):
        shown = frame.loc[row["model"]] if row["model"] in frame.index else None
        values = [text for name, text in row.items() if text and name.endswith(parts)]
        assert (shown is not None) == bool(values)
        for value in values:
            assert (
                value in " ".join(shown[[name for name in frame if name.startswith("paper_")]]).replace(",", "").split()
            )


def noted(printed: float, ours: float) -> str:
    paper = published.table(5).iloc[:1].assign(paper_params_m=printed, model="X")
    counts = pd.DataFrame([{"group": "", "model": "X", "tokens": "", "structure": "", "params_m": ours, "macs_g": 1.0}])
    return full_size(paper, counts, published.notes())["note"].iloc[0]


@pytest.mark.parametrize(
    ("printed", "ours", "note"),
    [
        (4.3, 4.256, "params: the paper prints 4.3, which is 4.256 rounded"),
        (4.2, 4.256, "params: the paper prints 4.2, which is 4.256 cut, not rounded"),
        (6.8, 6.887, "params: the paper prints 6.8, which is 6.887 cut, not rounded"),
        (5.4, 5.483, "params: the paper prints 5.4, which is 5.483 cut, not rounded"),
        (4.3, 4.2456, "params: the paper prints 4.3, whose last digit is worth more than what is left to 4.246"),
        (5.0, 5.24, "params differ by +4.8 % for an unknown reason"),
        (21.5, 21.466, ""),
    ],
)
def test_a_note_says_how_the_printed_figure_comes_of_ours(printed: float, ours: float, note: str) -> None:
    assert noted(printed, ours) == note


@given(st.integers(1, 999), st.floats(-0.12, 0.12))
def test_a_figure_is_called_rounded_only_if_it_rounds_to_what_is_printed(tenths: int, off: float) -> None:
    printed = tenths / 10
    note = noted(printed, printed + off)
    if "rounded" in note and "not rounded" not in note:
        assert abs(off) <= 0.05 + 1e-9
    if "cut" in note:
        assert 0.05 - 1e-9 <= off < 0.1 + 1e-9


@pytest.mark.parametrize("number", published.TABLES)
def test_no_line_is_wider_than_a_terminal(number: int) -> None:
    paper = published.table(number)
    results = pd.concat(
        run(
            **{name: (name, [10.0 + 7 * i, 30.0 - 5 * i, 50.0]) for i, name in enumerate(part["model"].unique())}
        ).assign(group=group)
        for group, part in paper.groupby("group", sort=False)
    )
    results = results.assign(params=123_400_000)
    rows = compared(number, printed_counts(number), results)
    lines = render(sections(number, rows, "digits", []), "text").splitlines()
    assert max(map(len, lines)) <= WIDTH


@pytest.mark.parametrize("style", STYLES)
def test_an_asterisk_is_no_markup(style: str) -> None:
    lines = render(sections(4, compared(4, printed_counts(4), None), "digits", []), style)
    star = {"text": "1.0x*", "md": r"1.0x\*", "latex": r"1.0x$\ast$"}[style]
    assert star in lines


def test_a_table_says_what_its_verdicts_rest_on_and_what_would_resolve_the_others() -> None:
    arms = VIT | T2T | {"T2T-ViT-24": ("24", NOISE)}
    assert "test pictures" not in text(2, run(**arms)), "how many is not known"
    few, many = (text(2, run(**arms).assign(test_pictures=n)) for n in (1000, 100_000))
    assert "on the same 1,000 test pictures" in few
    assert "points more, which may undo the verdict on T2T-ViT-14." in few
    assert "undo" not in many
    rows = compared(2, printed_counts(2), run(**arms)).set_index("model")
    needed = rows.loc["T2T-ViT-24", "seeds_needed"]
    assert f"would show 1 point (80 % power, these deviations): about {needed:.0f} for T2T-ViT-24." in many
    assert rows.loc["T2T-ViT-24", "finding"] == f"unresolved at n = 3; about {needed:.0f} seeds would show 1 point"
    assert rows.loc["T2T-ViT-14", "finding"] == "higher"
