"""From a declarative spec to a model, its cost and the space around it.

`spec`, `presets`, `expand` and `shrink` import no torch; `build` and `cost` do. Importing this package registers the
T2T-ViT family with timm: at once if timm is imported, else as soon as it is.
"""

from typing import Any

from wrapt import register_post_import_hook

__all__ = ["load_checkpoint"]


def _register(_: Any) -> None:
    import searchspace.timm_models  # noqa: F401


register_post_import_hook(_register, "timm.models")


def __getattr__(name: str) -> Any:
    # Late, so that the command line starts without torch.
    if name in __all__:
        from searchspace.checkpoint import load_checkpoint

        return load_checkpoint
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
