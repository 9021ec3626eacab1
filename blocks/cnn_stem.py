"""The first layers of timm's and torchvision's CNNs, changed in place."""

from typing import Any

from torch import nn


def restem(model: nn.Module, small: bool, width: int | None = None) -> nn.Module:
    """Change the stem of a ResNet (width and size) or of a DenseNet (size), in place.

    A small stem is a 3 x 3 convolution of stride 1 without pooling (He et al., arXiv 1512.03385, section 4.2).

    Raises:
        ValueError: if the model has no such stem.
    """
    if hasattr(model, "conv1") and hasattr(model, "maxpool"):
        _resnet(model, small, width)
    elif hasattr(model, "features") and hasattr(model.features, "conv0") and width is None:
        features: Any = model.features
        features.conv0 = _first(features.conv0, small, None)
        if small:
            features.pool0 = nn.Identity()
    else:
        raise ValueError(f"{type(model).__name__} has no stem to change: leave stem and stem_width as they are")
    return model


def _first(conv: nn.Conv2d, small: bool, width: int | None) -> nn.Conv2d:
    kernel, stride = (3, 1) if small else (conv.kernel_size[0], conv.stride[0])
    out = width or conv.out_channels
    return nn.Conv2d(conv.in_channels, out, kernel, stride, kernel // 2, bias=conv.bias is not None)


def _resnet(model: Any, small: bool, width: int | None) -> None:
    old = model.conv1
    model.conv1 = _first(old, small, width)
    if small:
        model.maxpool = nn.Identity()
    if width is None or width == old.out_channels:
        return
    model.bn1 = nn.BatchNorm2d(width)
    # What comes next takes the new width; its shortcut is a convolution only where the widths differ.
    block = model.layer1[0]
    out = block.downsample[0].out_channels if block.downsample is not None else old.out_channels
    conv = block.conv1
    size = {"kernel_size": conv.kernel_size, "stride": conv.stride, "padding": conv.padding}
    block.conv1 = nn.Conv2d(width, conv.out_channels, **size, groups=conv.groups, bias=False)
    shortcut = nn.Sequential(nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))
    block.downsample = None if width == out else shortcut
