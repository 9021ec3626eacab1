"""How long a model takes for a picture, measured."""

import time
from statistics import median

from searchspace.spec import ModelSpec
from studies.training.devices import finish_work, prepare_device

WARM_UP = 3  # forward passes that are not counted
REPEATS = 15


def latency(spec: ModelSpec, device_name: str) -> float:
    """Milliseconds of a forward pass of one picture, in float32; on a CPU with one thread.

    The median of several: what else the machine does in between makes some of them longer. The weights are random, the
    picture made up; neither matters. The random state is left as it was.

    Args:
        device_name: `cpu` or `cuda`.
    """
    import torch

    from searchspace.build import build

    prepare_device(device_name)
    device = torch.device(device_name)
    with torch.random.fork_rng(), torch.inference_mode():
        model = build(spec).to(device).eval()
        picture = torch.zeros(1, spec.in_chans, *spec.img_size, device=device)
        seconds = []
        for _ in range(WARM_UP + REPEATS):
            start = time.perf_counter()
            model(picture)
            finish_work(device)
            seconds.append(time.perf_counter() - start)
    return 1000 * median(seconds[WARM_UP:])
