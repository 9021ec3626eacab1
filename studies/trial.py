"""A trial: everything that changes one training's result, and the id that follows from it. No torch here."""

import hashlib
import json

from searchspace.spec import CnnSpec, Spec, TransformerSpec
from studies.scale import DigitsSpec, Recipe

SCHEMA_VERSION = 1


class TrialSpec(Spec):
    """Model, data, recipe and seed, fully resolved. Names, paths, devices and workers are no part of it."""

    schema_version: int = SCHEMA_VERSION
    model: TransformerSpec | CnnSpec
    data: DigitsSpec
    recipe: Recipe
    seed: int

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]
