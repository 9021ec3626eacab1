"""Devices that are not here: by which names they are known, and what is said of one that is not."""

import pytest

from searchspace.expand import SpecError
from studies.planning.accelerators import PEAK, SHARE, is_type, macs_per_second

H100 = "NVIDIA H100 80GB HBM3"


def test_an_unknown_device_type_names_the_nearest() -> None:
    with pytest.raises(SpecError) as caught:
        macs_per_second("h10O")
    text = str(caught.value)
    assert text.startswith("no figures for --device-type h10O; did you mean h100")
    assert "after a trial on one, the store has them" in text
    assert len(text.splitlines()) == 1


def test_a_device_type_is_written_as_users_like() -> None:
    assert macs_per_second("RTX 4090") == macs_per_second("rtx-4090") == PEAK["rtx4090"] * 1e12 * SHARE


@pytest.mark.parametrize(
    ("device", "device_type", "is_one"),
    [
        (H100, "h100", True),
        (H100, "H100", True),
        (H100, "h200", False),
        ("NVIDIA A100-SXM4-80GB", "a100", True),
        ("NVIDIA A100-SXM4-80GB", "a10", False),
        ("NVIDIA L40S", "l4", False),
        ("NVIDIA GeForce RTX 4090", "rtx4090", True),
        ("NVIDIA GeForce RTX 4090", "RTX-4090", True),
        ("Tesla T4", "t4", True),
        ("Tesla V100-SXM2-16GB", "t4", False),
        ("x86_64 CPU, 1 thread", "h100", False),
        ("x86_64 CPU, 1 thread", "x86_64 CPU, 1 thread", True),
        ("x86_64 CPU, 1 thread", "cpu", True),
    ],
)
def test_a_device_is_of_the_type_that_its_name_has_as_a_word(device: str, device_type: str, is_one: bool) -> None:
    assert is_type(device, device_type) is is_one
