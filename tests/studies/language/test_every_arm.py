"""Every arm of the studies that ship, at every scale that ships: it is built there, or refused with a reason."""

import warnings

import pytest
import torch

from searchspace.build import build
from searchspace.expand import SpecError, override
from searchspace.presets import preset
from searchspace.shrink import Shrink, shrink
from studies.language import catalog, scale_file
from studies.language.expansion import at_scale
from studies.language.resolve import load_study


@pytest.mark.parametrize("scale", scale_file.names())
def test_an_arm_is_built_or_refused(scale: str) -> None:
    made = {}
    for study in catalog.names():
        for item in at_scale(load_study(study), scale_file.load_scale(scale)):
            assert (item.model is None) == bool(item.refusal), item.arm.name
            if item.model is not None:
                made[item.model.model_dump_json()] = item.model
    assert made
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for model in made.values():
            assert sum(p.numel() for p in build(model).parameters()) > 0


@pytest.mark.parametrize("width", [3, 5, 6, 7, 11])
def test_a_network_of_ghost_convolutions_keeps_an_even_number_of_channels(width: int) -> None:
    model = shrink(override(preset("resnet50"), {"conv": "ghost"}), Shrink(width=width, stem="small"), 16, 3, 10)
    with torch.device("meta"):
        build(model)


def test_ghost_convolutions_of_an_odd_number_of_channels_are_refused_with_a_reason() -> None:
    model = override(preset("resnet50"), {"conv": "ghost", "widths.channels": [11, 22, 44, 88]})
    with torch.device("meta"), pytest.raises(SpecError, match="an even number of outputs"):
        build(model)
