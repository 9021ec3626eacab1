"""Which errors say that memory is short."""

import pytest
import torch

from studies.training.errors import TrainingError
from studies.trials.shortage import is_memory_short

SHORT = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to"),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]
OTHERS = [
    RuntimeError("size mismatch for head.weight"),
    ValueError("can't allocate memory"),
    TrainingError("out of memory with a micro-batch of 2 pictures: this model needs a larger device"),
]


@pytest.mark.parametrize("error", SHORT, ids=str)
def test_an_allocation_that_failed_is_known(error: Exception) -> None:
    assert is_memory_short(error)


@pytest.mark.parametrize("error", OTHERS, ids=str)
def test_other_errors_are_none(error: Exception) -> None:
    assert not is_memory_short(error)


def test_what_torch_raises_for_a_tensor_that_no_machine_holds_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**46)
    assert is_memory_short(caught.value)
