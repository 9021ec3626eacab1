"""What a study file may say. No torch here."""

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from searchspace.bounds import Seed, Within
from searchspace.spec import Spec
from studies.language.generators import Generators
from studies.language.search_block import SearchBlock
from studies.trials.scale import NAME
from studies.trials.seeds import MOST_SEEDS, numbered
from studies.trials.trial import Distillation

Arms = dict[str, dict[str, Any] | None]
ARMS = (
    "name: dotted overrides of the base; `base` takes another preset, `stage` names one of the scale's, `teacher` and "
    "`pretrained` name other arms"
)


class Match(Spec):
    """Equal cost: this field of every arm is changed until the arm costs what the baseline does."""

    macs: str | None = Field(None, min_length=1, description="field that is changed until the MACs are equal")
    params: str | None = Field(None, min_length=1, description="field that is changed until the params are equal")
    within: Annotated[float, Within(0, 1, above=True, below=True)] = Field(
        0.05, description="largest difference, as a share"
    )

    @model_validator(mode="after")
    def _one(self) -> "Match":
        if (self.macs is None) == (self.params is None):
            raise ValueError("one of `macs` and `params` names the field to change, such as backbone.mlp_ratio")
        return self

    @property
    def figure(self) -> str:
        """What is equal."""
        return "macs" if self.macs else "params"

    @property
    def field(self) -> str:
        """What is changed."""
        return self.macs or self.params or ""


class Started(Spec):
    """What an arm starts from: another arm, one of another study or at another scale, or a file of weights."""

    arm: str | None = Field(None, description="name of an arm")
    study: str | None = Field(None, description="of that arm, by name or path; default: this one")
    scale: str | None = Field(
        None, description="of that arm, by name or path; default: the one that this study runs at"
    )
    seed: Seed | None = Field(None, description="of that arm's trial; default: that of this one's")
    file: str | None = Field(None, description="weights: .pth, .pth.tar, .pt or .safetensors")
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$", description="of that file, so that it cannot change")

    @model_validator(mode="after")
    def _one(self) -> "Started":
        if (self.arm is None) == (self.file is None):
            raise ValueError("one of `arm` and `file` says what it starts from")
        if self.file and (self.study or self.scale or self.seed is not None):
            raise ValueError("`study`, `scale` and `seed` go with `arm`, not with `file`")
        if self.arm and self.sha256:
            raise ValueError("`sha256` goes with `file`, not with `arm`")
        return self


class Taught(Started, Distillation):
    """What teaches an arm, and how."""

    model: str | dict[str, Any] | None = Field(
        None,
        description="of a file: a preset, dotted overrides with the preset as `base`, or a model of a library "
        "(`library: timm`, `name: regnety_160`)",
    )

    @model_validator(mode="after")
    def _model_of_file(self) -> "Taught":
        if (self.file is None) != (self.model is None):
            raise ValueError("`file` and `model` go together: the model is what the weights in the file are for")
        return self


class Group(Generators):
    """Arms that are compared with one baseline: named ones, then generated ones."""

    base: str = Field(description="preset that the arms change")
    baseline: str | None = Field(None, description="arm that the others are compared with; default: the first")
    optional: bool = Field(False, description="trained only with --all or when named by --only")
    arms: Arms = Field({}, description=ARMS)
    match: Match | None = Field(None, description="make every arm cost what the baseline does")

    @model_validator(mode="after")
    def _has_arms(self) -> "Group":
        if not (self.arms or self.generates()):
            raise ValueError("needs `arms`, or a generator: ablate, add_one, grid, zip or sample")
        return self


class PaperRef(Spec):
    """What of the paper a study reproduces."""

    table: Annotated[int, Within(1, 7)]


class StudyFile(Generators):
    """A study file: what a group has, for the arms of its own group, or `groups`, or both; or a `search`, or all."""

    study: str = Field(pattern=NAME, description="name: letters, digits, _, . and -")
    extends: str | None = Field(None, description="another study, by name or path: its content, changed by this file's")
    question: str = ""
    remark: str = Field("", description="printed below its results")
    paper: PaperRef | None = None
    scale: str = "digits"
    seeds: Annotated[int, Within(1, MOST_SEEDS)] | list[Seed] = Field(3, description="how many (0, 1, ...), or a list")
    baseline_seeds: Annotated[int, Within(1, MOST_SEEDS)] | None = Field(
        None,
        description="how many of each baseline, which all others are compared with; default: as many as of the others",
    )
    groups: dict[str, Group] = Field({}, description="name of the group: what is in it")
    base: str | None = Field(None, description="preset that the arms change, in a study of one group")
    baseline: str | None = Field(None, description="arm that the others are compared with; default: the first")
    arms: Arms = Field({}, description=ARMS)
    match: Match | None = Field(None, description="make every arm cost what the baseline does")
    search: SearchBlock | None = Field(None, description="a search, which `studies search FILE` runs")

    @model_validator(mode="before")
    @classmethod
    def _name_space(cls, data: Any) -> Any:
        """Give knobs that stand in the `search` block itself the study's name and base."""
        search = data.get("search") if isinstance(data, dict) else None
        space = search.get("space") if isinstance(search, dict) else None
        if not isinstance(search, dict) or not isinstance(space, dict):
            return data
        base = search.get("base") or data.get("base")
        named = {"name": data.get("study")} | ({} if base is None else {"base": base}) | space
        return data | {"search": search | {"space": named}}

    @field_validator("seeds", mode="before")
    @classmethod
    def _numbers(cls, seeds: Any) -> Any:
        numbered(seeds)
        return seeds

    @model_validator(mode="after")
    def _has_groups(self) -> "StudyFile":
        own = self._has_own()
        if not own and not self.groups and not self.search:
            raise ValueError(
                "a study needs `groups`, or `base` and `arms` (or generators) of its own, or both; or a `search`"
            )
        if own and not self.base:
            raise ValueError("`base` is missing: the preset that the arms change")
        if own and not (self.arms or self.generates()):
            raise ValueError("a study of one group needs at least one of `arms`, or a generator")
        if own and self.study in self.groups:
            raise ValueError(f"groups: {self.study!r} is the name of the group of the study's own arms; take another")
        return self

    def _has_own(self) -> bool:
        arms = bool(self.baseline or self.arms or self.generates() or self.match or self.exclude)
        return arms or (self.base is not None and self.search is None)  # which may be what has a base

    def all_groups(self) -> dict[str, Group]:
        """The groups by name; that of the study's own arms, which comes first, has the study's."""
        fields = {name: getattr(self, name) for name in Group.model_fields if name in StudyFile.model_fields}
        return ({self.study: Group(**fields)} if self._has_own() else {}) | self.groups


def merged(parent: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """A study's plain data over that of the study it extends: arms and groups are merged by name, all else replaced."""
    result = parent | own
    for key, merge in (("arms", dict.__or__), ("groups", _merged_groups)):
        if isinstance(parent.get(key), dict) and isinstance(own.get(key), dict):
            result[key] = merge(parent[key], own[key])
    return result


def _merged_groups(parent: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    both = {name for name in own if isinstance(own[name], dict) and isinstance(parent.get(name), dict)}
    return parent | {name: merged(parent[name], group) if name in both else group for name, group in own.items()}
