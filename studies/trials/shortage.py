"""Whether an error that ended a part of a trial says that memory is short; known by name and text, without torch."""

TEXTS = (
    "can't allocate memory",  # of this machine: torch's CPU allocator
    "CUDA error: out of memory",  # of a GPU, outside torch's allocator
    "CUBLAS_STATUS_ALLOC_FAILED",
)


def is_memory_short(error: BaseException) -> bool:
    """Whether an error says that a device, or this machine, has too little memory left."""
    if isinstance(error, MemoryError) or any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in TEXTS)
