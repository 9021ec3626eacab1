"""Mixed precision: which number format a device trains in, and what float16 needs besides."""

from contextlib import AbstractContextManager, nullcontext

import torch


class Precision:
    """Autocast where the recipe asks for it and the device gains from it; a loss scaler for float16.

    bfloat16 where the device has it, else float16; float32 on a CPU, where bfloat16 autocast is slower unless the
    processor has matrix units for it.

    Attributes:
        name: of the format: float32, bfloat16 or float16.
    """

    def __init__(self, mixed: bool, device: torch.device) -> None:
        self.device = device
        self.dtype: torch.dtype | None = None
        if mixed and device.type == "cuda":
            self.dtype = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        self.name = str(self.dtype or torch.float32).removeprefix("torch.")
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.dtype == torch.float16)

    def autocast(self) -> AbstractContextManager[object]:
        """Where the forward pass is to be done."""
        return nullcontext() if self.dtype is None else torch.autocast(self.device.type, self.dtype)

    def backward(self, loss: torch.Tensor) -> None:
        """Gradients of a loss, scaled in float16."""
        self.scaler.scale(loss).backward()

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Make the gradients those of the loss itself, to clip them."""
        self.scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Step, unless float16 has overflowed: then only the scale is lowered."""
        self.scaler.step(optimizer)
        self.scaler.update()
