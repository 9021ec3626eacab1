"""A trial: everything that changes one training's result, and the id that follows from it. No torch here."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from searchspace.added import Added
from searchspace.bounds import Seed, ShareAbove0, Within
from searchspace.identity import hashed
from searchspace.spec import CnnSpec, Spec, TransformerSpec
from studies.trials.data import DataSpec
from studies.trials.identity import canonical, digest
from studies.trials.recipe import Recipe

SCHEMA_VERSION = 2  # is hashed, and stays what it is for ever; the store's format has a number of its own
SEMANTICS = 2  # of the training loop; raised when its numerics change, and 1 stays what an older store has
TrialId = str


class Distillation(Spec):
    """How a student learns from its teacher's logits z_t beside the labels.

    hard: the label that the teacher finds likeliest, cross entropy (Touvron et al. 2021, eq. 3). soft: the teacher's
    probabilities at temperature tau, tau^2 KL(z_t / tau || z / tau) (eq. 2). Of the loss, alpha is the teacher's part.
    A model with a distillation token learns it there, any other in its one head.
    """

    kind: Literal["hard", "soft"] = "hard"
    alpha: ShareAbove0 = 0.5
    tau: Annotated[float, Within(0, 1000, above=True)] = 1.0


class Teacher(Distillation):
    """A trial whose model teaches."""

    trial: TrialId


class WeightsFile(Spec):
    """A file of weights, named by its content: where it lies is no part of a trial."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="of the file's content")


class FileTeacher(Distillation):
    """A model with weights from a file that teaches.

    It sees the student's pictures as the student does, so normalised as the student's data is: folders of pictures by
    ImageNet's mean and standard deviation, as most of timm's models were trained; other data by its own.
    """

    file: WeightsFile
    model: TransformerSpec | CnnSpec


class TrialSpec(Spec):
    """Model, data, recipe and seed, fully resolved, and what it starts from. Names, paths, devices are no part.

    A teacher or a pretrained model is named by its trial's id or by the digest of its file, so that an id stands for
    all that led to a result.
    """

    schema_version: Literal[2] = 2
    model: TransformerSpec | CnnSpec
    data: DataSpec
    recipe: Recipe
    seed: Seed
    teacher: Teacher | FileTeacher | None = None
    pretrained: TrialId | WeightsFile | None = Field(
        None, description="trial or file whose weights this one starts with"
    )
    semantics: Annotated[int, Within(1, 1_000_000), Added("0.2.0", 1)] = Field(
        1, description="version of the training loop's numerics"
    )

    def content(self) -> dict[str, Any]:
        """What the id is a hash of, as plain data: what a store keeps of a trial."""
        return hashed(self)

    @cached_property
    def id(self) -> TrialId:
        """The first 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return digest(canonical(self.content()))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's; a copy has an id of its own, while pydantic would copy what is remembered."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("id", None)
        return copied

    @property
    def needs(self) -> list[TrialId]:
        """The trials that must be done before this one."""
        taught = self.teacher.trial if isinstance(self.teacher, Teacher) else None
        started = self.pretrained if isinstance(self.pretrained, str) else None
        return [trial for trial in dict.fromkeys((taught, started)) if trial]

    @property
    def files(self) -> list[str]:
        """SHA-256 digests of the files of weights that it takes something from."""
        taught = self.teacher.file if isinstance(self.teacher, FileTeacher) else None
        started = self.pretrained if isinstance(self.pretrained, WeightsFile) else None
        return [file.sha256 for file in (taught, started) if file]
