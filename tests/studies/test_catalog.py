"""Every study that ships runs whole, at a scale of seconds: the rows that can be had are trained and printed."""

import json
from pathlib import Path

import pytest
import yaml
from conftest import STAGES, TINY
from support import Studies

from reports import published
from studies.language.catalog import names
from studies.language.resolve import load_study

TOO_SMALL = {  # networks that take no pictures of 16 pixels
    *("AlexNet", "VGG11", "Inception v3"),
    *("MobileNetV1 1.0x", "MobileNetV2 1.0x", "MobileNetV2 1.4x", "MobileNetV3 (Searched)"),
}


def test_every_table_of_the_paper_has_its_study() -> None:
    assert sorted(load_study(name).table or 0 for name in names()) == list(published.TABLES)


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_a_study_runs_whole_and_its_table_is_printed(name: str, studies: Studies, tmp_path: Path) -> None:
    number = load_study(name).table
    assert number is not None
    scale = tmp_path / "whole.yaml"
    data = TINY["data"] | {"train_size": 64, "test_size": 32}
    recipe = TINY["recipe"] | {"epochs": 1}
    scale.write_text(yaml.safe_dump(TINY | {"scale": "whole", "data": data, "recipe": recipe, "stages": STAGES}))
    at = ("--scale", str(scale))
    done = studies("run", name, *at, "--seeds", "1", "--executor", "inline", "--all", timeout=900)
    assert done.returncode == 0, done.stderr
    rows = json.loads(studies("report", "--table", str(number), *at, "--format", "json", timeout=600).stdout)
    trained = {row["model"] for row in rows if row["top1"] is not None}
    assert trained == set(published.table(number)["model"]) - TOO_SMALL
    printed = studies("report", "--table", str(number), *at, timeout=600).stdout.split(
        "as trained here, at scale whole"
    )
    assert len(printed) == 2
    assert all(model in printed[1] for model in trained)
    for arm in load_study(name).arms:
        assert (f"No row for {arm.name}: " in printed[1]) == (arm.name in TOO_SMALL)
        assert arm.name in printed[1], "arms that the table has not stand below it"
