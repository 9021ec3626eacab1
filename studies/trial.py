"""A trial: everything that changes one training's result, and the id that follows from it. No torch here."""

import json
from typing import Literal

from pydantic import Field, PositiveFloat

from searchspace.spec import CnnSpec, Spec, TransformerSpec
from studies.record import digest
from studies.scale import DigitsSpec, Recipe

SCHEMA_VERSION = 2  # of a trial and of the store that holds it; what changes it needs a step in studies/migrate.py
TrialId = str


class Distillation(Spec):
    """How a student learns from its teacher's logits z_t beside the labels.

    hard: the label that the teacher finds likeliest, cross entropy (Touvron et al. 2021, eq. 3). soft: the teacher's
    probabilities at temperature tau, tau^2 KL(z_t / tau || z / tau) (eq. 2). Of the loss, alpha is the teacher's part.
    A model with a distillation token learns it there, any other in its one head.
    """

    kind: Literal["hard", "soft"] = "hard"
    alpha: float = Field(0.5, gt=0, le=1)
    tau: PositiveFloat = 1.0


class Teacher(Distillation):
    """A trial whose model teaches."""

    trial: TrialId


class TrialSpec(Spec):
    """Model, data, recipe and seed, fully resolved, and the trials it starts from. Names, paths, devices are no part.

    A teacher or a pretrained model is named by its id, so that an id stands for all that led to a result.
    """

    schema_version: Literal[2] = 2
    model: TransformerSpec | CnnSpec
    data: DigitsSpec
    recipe: Recipe
    seed: int
    teacher: Teacher | None = None
    pretrained: TrialId | None = Field(None, description="trial whose weights this one starts with")

    @property
    def id(self) -> TrialId:
        """The first 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return digest(text.encode())

    @property
    def needs(self) -> list[TrialId]:
        """The trials that must be done before this one."""
        found = [self.teacher.trial if self.teacher else None, self.pretrained]
        return [trial for trial in dict.fromkeys(found) if trial]
