"""`studies cost`."""

import argparse
import json

from tabulate import tabulate

from searchspace.cost.remembered import costs
from searchspace.expand import override, parse_overrides
from searchspace.presets import preset
from searchspace.shrink import shrink
from searchspace.spec import CnnSpec, ModelSpec
from studies.language.scale_file import load_scale


def main(arguments: argparse.Namespace) -> int:
    """Print what a spec costs."""
    spec = override(preset(arguments.preset), parse_overrides(arguments.overrides))
    if arguments.scale:
        scale = load_scale(arguments.scale)
        data = scale.data
        spec = shrink(spec, scale.shrink, data.img_size, data.in_chans, data.num_classes)
    (figures,) = costs([spec])
    modules = _modules(spec) if arguments.verbose else []
    if arguments.json:
        print(json.dumps(figures | ({"modules": modules} if modules else {}), indent=1))
        return 0
    if modules:
        rows = [[m["module"], f"{m['params']:,}", f"{m['macs']:,}", f"{m['activations']:,}"] for m in modules]
        headers = ["module", "params", "MACs", "activations"]
        print(
            tabulate(rows, headers, disable_numparse=True, colalign=("left", "right", "right", "right")),
            end="\n\n",
        )
    height, width = spec.img_size
    print(f"{' '.join([arguments.preset, *arguments.overrides])} at {height} x {width}, one picture")
    print(f"  params       {figures['params'] / 1e6:9.3f} M   ({figures['trainable'] / 1e6:.3f} M trainable)")
    print(f"  MACs         {figures['macs'] / 1e9:9.4f} G   (one fused multiply-add is one)")
    print(f"  activations  {figures['activations'] / 1e6:9.3f} M   (values out of convolutions, linears and attention)")
    if not isinstance(spec, CnnSpec):
        rows_, columns = spec.tokenizer.grid_size(*spec.img_size)
        print(f"  tokens       {rows_} x {columns} + class token, {spec.backbone.num_features()} wide at the end")
    return 0


def _modules(spec: ModelSpec) -> list[dict]:
    from searchspace.cost.traced import layers

    return layers(spec)
