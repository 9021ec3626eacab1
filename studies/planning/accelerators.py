"""What accelerators can do, for plans of runs on machines that are not here."""

import re

from searchspace.expand import SpecError, nearest

# Dense matrix multiply-adds a second in half precision with float32 sums, in 10^12: half of the FLOPS of NVIDIA's data
# sheets (V100 SXM2, T4, A10, A100, RTX 3090, RTX 4090, L4, L40S, H100 SXM, H200, B200).
PEAK = {
    "v100": 62.5,
    "t4": 32.5,
    "a10": 62.5,
    "a100": 156.0,
    "rtx3090": 35.5,
    "rtx4090": 82.5,
    "l4": 60.5,
    "l40s": 181.0,
    "h100": 494.5,
    "h200": 494.5,
    "b200": 1125.0,
}
SHARE = 0.15  # of the peak that the training of a vision transformer reaches: a guess
STEP_SECONDS = 0.02  # that a step takes at least, however small the model: launching its kernels; a guess


def macs_per_second(device_type: str) -> float:
    """What training is taken to reach on a kind of device.

    Raises:
        SpecError: for a kind that is not known.
    """
    name = "".join(_words(device_type))
    if name not in PEAK:
        raise SpecError(
            f"no figures for --device-type {device_type}{nearest(name, PEAK)}; "
            "after a trial on one, the store has them for any kind"
        )
    return PEAK[name] * 1e12 * SHARE


def is_type(device: str, device_type: str) -> bool:
    """Whether a device's own name (NVIDIA H100 80GB HBM3, say) is of a type as users write it (h100)."""
    words, wanted = _words(device), "".join(_words(device_type))
    runs = {"".join(words[i:j]) for i in range(len(words)) for j in range(i + 1, len(words) + 1)}
    return wanted in runs


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", name.lower())
