"""The ghost convolution, for ResNet50-Ghost."""

import torch
from torch import nn


class GhostConv2d(nn.Module):
    """[p, depthwise 3x3 of p] with p a convolution to half of the channels (ghost ratio 2).

    Shapes: (B, C_in, H, W) to (B, C_out, H', W'). Between the two stand batch norm and ReLU, as in GhostNet;
    what follows the whole (norm and activation) is the host network's.

    Source: Han et al., arXiv 1911.11907, eq. 2.

    Raises:
        ValueError: if the convolution has an odd number of outputs or groups.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        if conv.out_channels % 2 or conv.groups != 1:
            raise ValueError(
                "a ghost convolution needs an even number of outputs and no groups, got "
                f"{conv.out_channels} outputs and {conv.groups} groups"
            )
        half = conv.out_channels // 2
        bias = conv.bias is not None
        kernel, stride, padding, dilation = conv.kernel_size, conv.stride, conv.padding, conv.dilation
        assert not isinstance(padding, str)
        self.primary = nn.Sequential(
            nn.Conv2d(conv.in_channels, half, kernel, stride, padding, dilation, bias=bias),  # type: ignore[arg-type]
            nn.BatchNorm2d(half),
            nn.ReLU(),
        )
        self.cheap = nn.Conv2d(half, half, 3, padding=1, groups=half, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Make half of the maps, and the other half from them."""
        p = self.primary(x)
        return torch.cat((p, self.cheap(p)), dim=1)


def with_ghost_convs(model: nn.Module, kernel_size: int = 3) -> nn.Module:
    """Replace every ungrouped convolution of this kernel size, except in the stem, by a ghost one; in place."""
    for name, child in list(model.named_children()):
        if isinstance(child, nn.Conv2d):
            if child.kernel_size == (kernel_size, kernel_size) and child.groups == 1 and child.in_channels > 3:
                setattr(model, name, GhostConv2d(child))
        else:
            with_ghost_convs(child, kernel_size)
    return model
