"""The T2T-ViT family in timm's registry: `timm.create_model("t2t_vit_14", num_classes=10, img_size=384)`.

Each preset whose name begins with `t2t_vit` is a model. Arguments that a model of timm's takes and that make sense
here are `img_size`, `in_chans`, `num_classes`, `drop_rate` (before the head), `drop_path_rate`, `device`, `dtype`, and
`global_pool="token"`, which they have anyway; others are refused. `features_only=True` with `out_indices` gives maps
after chosen layers. `pretrained=True` fetches the public release's weights where there are any.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import nn

from searchspace.expand import nearest, override
from searchspace.presets import names, preset

RELEASE = "https://github.com/yitu-opensource/T2T-ViT/releases/download/main/"
WEIGHTS = {
    "t2t_vit_7": "71.7_T2T_ViT_7.pth.tar",
    "t2t_vit_10": "75.2_T2T_ViT_10.pth.tar",
    "t2t_vit_12": "76.5_T2T_ViT_12.pth.tar",
    "t2t_vit_14": "81.5_T2T_ViT_14.pth.tar",
    "t2t_vit_19": "81.9_T2T_ViT_19.pth.tar",
    "t2t_vit_24": "82.3_T2T_ViT_24.pth.tar",
    "t2t_vit_14_384": "83.3_T2T_ViT_14.pth.tar",
    "t2t_vit_t_14": "81.7_T2T_ViTt_14.pth.tar",
    "t2t_vit_t_19": "82.4_T2T_ViTt_19.pth.tar",
    "t2t_vit_t_24": "82.6_T2T_ViTt_24.pth.tar",
}
ARGUMENTS = {
    "img_size": "img_size",
    "in_chans": "in_chans",
    "num_classes": "num_classes",
    "drop_rate": "drop_rate",
    "drop_path_rate": "backbone.drop_path_rate",
}
FAMILY = [name for name in names() if name.startswith("t2t_vit")]
__all__: list[str] = []  # timm fills it


def _cfg(name: str) -> dict[str, Any]:
    spec = preset(name)
    heads = ("head", "head_dist") if getattr(spec, "distilled", False) else "head"
    return {
        "url": RELEASE + WEIGHTS[name] if name in WEIGHTS else "",
        "num_classes": 1000,
        "input_size": (3, *spec.img_size),
        "pool_size": None,
        "crop_pct": 0.9,
        "interpolation": "bicubic",
        "mean": IMAGENET_DEFAULT_MEAN,
        "std": IMAGENET_DEFAULT_STD,
        "first_conv": (),
        "classifier": heads,
    }


default_cfgs = generate_default_cfgs({name: _cfg(name) for name in FAMILY})


def _create(
    name: str, device: Any = None, dtype: Any = None, global_pool: str = "token", **arguments: Any
) -> nn.Module:
    from blocks.vit import check_pooling
    from searchspace.build import build

    unknown = [key for key in arguments if key not in ARGUMENTS]
    if unknown:
        known = [*ARGUMENTS, "device", "dtype", "global_pool"]
        raise TypeError(f"{name} takes no argument {unknown[0]!r}{nearest(unknown[0], known)}")
    check_pooling(global_pool)
    model = build(override(preset(name), {ARGUMENTS[key]: value for key, value in arguments.items()}))
    return model.to(device=device, dtype=dtype)


def _filter(state: dict[str, Any], model: nn.Module) -> dict[str, Any]:
    from searchspace.checkpoint import adapt

    return adapt(state, model)[0]


def _entrypoint(name: str) -> Callable[..., nn.Module]:
    def create(pretrained: bool = False, **kwargs: Any) -> nn.Module:
        return build_model_with_cfg(
            partial(_create, name),
            name,
            pretrained,
            pretrained_filter_fn=_filter,
            feature_cfg={"out_indices": 3, "feature_cls": "getter"},
            **kwargs,
        )

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"The preset {name}."
    return create


for _name in FAMILY:
    globals()[_name] = register_model(_entrypoint(_name))
