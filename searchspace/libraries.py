"""Models of timm and torchvision by name. The libraries are imported when a name is asked for."""

from typing import Any

from searchspace.expand import SpecError, checked, nearest, override
from searchspace.presets import preset
from searchspace.spec import CnnSpec, ModelSpec


def named_model(named: Any) -> ModelSpec:
    """The model that is named: a preset, or `{library: timm, name: regnety_160}` with other fields of it beside them.

    Raises:
        SpecError: if there is none of that name (with the nearest names), or a field is wrong.
    """
    if not isinstance(named, dict):
        return preset(named)
    fields = dict(named)
    start = {name: fields.pop(name) for name in ("library", "name") if name in fields}
    if "library" not in start:
        raise SpecError("a mapping names the model of a library: {library: timm, name: resnet18}", "library")
    model = override(checked(start), fields)
    if isinstance(model, CnnSpec):
        check_name(model)
    return model


def check_name(spec: CnnSpec) -> None:
    """Refuse a model that its library has not; nothing is built.

    Raises:
        SpecError: with the nearest names.
    """
    if spec.library == "timm":
        import timm

        if not timm.is_model(spec.name):
            raise SpecError(f"timm has no model {spec.name!r}{nearest(spec.name, timm.list_models())}", "name")
    else:
        import torchvision

        known = torchvision.models.list_models(torchvision.models)
        if spec.name not in known:
            raise SpecError(f"torchvision has no model {spec.name!r}{nearest(spec.name, known)}", "name")
