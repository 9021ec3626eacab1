"""Arms that need one another."""

from searchspace.presets import preset
from studies.language.scale_file import load_scale

BASE = preset("t2t_vit_7")
DIGITS = load_scale("digits")
SHALLOW = {"backbone.depth": 4}
CHAIN = {"a": {}, "b": {"teacher": "a"}, "c": {"pretrained": "b"}, "alone": SHALLOW}
