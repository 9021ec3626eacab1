"""The first layers of timm's and torchvision's CNNs, changed in place."""

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
        features = model.features
        assert isinstance(features, nn.Module)
        features.conv0 = _first(features.conv0, small, None)
        if small:
            features.pool0 = nn.Identity()
    else:
        raise ValueError(f"{type(model).__name__} has no stem to change: leave stem and stem_width as they are")
    return model


def _first(conv: nn.Module | object, small: bool, width: int | None) -> nn.Conv2d:
    assert isinstance(conv, nn.Conv2d)
    kernel, stride = (3, 1) if small else (conv.kernel_size[0], conv.stride[0])
    out = width or conv.out_channels
    return nn.Conv2d(conv.in_channels, out, kernel, stride, kernel // 2, bias=conv.bias is not None)


def _resnet(model: nn.Module, small: bool, width: int | None) -> None:
    old = model.conv1
    assert isinstance(old, nn.Conv2d)
    model.conv1 = _first(old, small, width)
    if small:
        model.maxpool = nn.Identity()
    if width is None or width == old.out_channels:
        return
    model.bn1 = nn.BatchNorm2d(width)
    block = next(model.layer1.children())  # type: ignore[operator, union-attr]
    out = block.downsample[0].out_channels if block.downsample is not None else old.out_channels  # type: ignore
    conv = block.conv1
    assert isinstance(conv, nn.Conv2d)
    block.conv1 = nn.Conv2d(
        width, conv.out_channels, conv.kernel_size, conv.stride, conv.padding, groups=conv.groups, bias=False  # type: ignore[arg-type]
    )
    same = width == out
    block.downsample = (
        None if same else nn.Sequential(nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))
    )
