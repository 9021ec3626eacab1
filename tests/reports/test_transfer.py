"""Table 5: accuracies on CIFAR stand beside the paper's, on other data in a column of their own."""

import pandas as pd
import pytest

from reports import published
from reports.paper_table import compared, sections

MODELS = published.table(5)["model"]


def transferred(kind: str) -> pd.DataFrame:
    """The table of a run on data of a kind."""
    counts = pd.DataFrame(
        {"group": "Transfer", "model": MODELS, "tokens": "", "structure": "", "params_m": 48.6, "macs_g": 9.9}
    )
    rows = [
        {"group": "Transfer", "arm": model, "baseline": model == MODELS[0], "seed": seed, "status": "done"}
        | {"top1": 90.0 + seed, "params": 1000, "macs": 1000, "data.kind": kind}
        for model in MODELS
        for seed in range(2)
    ]
    return sections(5, compared(5, counts, pd.DataFrame(rows)), "some", [])[-1].frame


@pytest.mark.parametrize(("kind", "column"), [("cifar10", "cifar10"), ("cifar100", "cifar100"), ("digits", "accuracy")])
def test_ours_stands_in_the_column_of_its_data(kind: str, column: str) -> None:
    frame = transferred(kind)
    assert set(frame[column]) == {"90.5 \u00b1 0.7"}
    assert {"cifar10", "cifar100", "accuracy"} & set(frame) == {column}
    assert list(frame["paper_imagenet"]) == ["78.1", "81.5", "81.9"], "from which the paper transfers"
    assert "paper_top1" not in frame
    assert list(frame["paper_cifar10"]) == ["97.1", "97.5", "98.3"]


@pytest.mark.parametrize("kind", ["cifar10", "cifar100"])
def test_ours_on_cifar_stands_right_of_the_papers(kind: str) -> None:
    columns = list(transferred(kind))
    assert columns.index(kind) == columns.index(f"paper_{kind}") + 1
