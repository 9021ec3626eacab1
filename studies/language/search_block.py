"""The `search:` block of a study file: the options of `studies search`, by their names. No torch here."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from searchspace.bounds import Seed, Within, shown
from searchspace.expand import nearest
from searchspace.space import Space
from searchspace.spec import Spec
from studies.language.amounts import Amount
from studies.trials.scores import NAMES
from studies.trials.seeds import MOST_SEEDS

Sampler = Literal["ehvi", "tpe", "nsga2", "gp", "random"]
Objective = Literal["top1", "macs", "params", "latency"]


class SearchBlock(Spec):
    """What a search is. These are its defaults too: what neither a file nor an option says is as it stands here."""

    base: str | None = Field(None, description="preset to search around; default: the study's base, else the space's")
    space: Space | str | None = Field(
        None,
        description="name, a file, or knobs in place: what a space file says, without its name and base; default: that "
        "with the name of the scale, else paper",
    )
    max_macs: Amount = Field(None, description="most MACs of a candidate: 2G")
    min_macs: Amount = Field(None, description="fewest MACs")
    max_params: Amount = Field(None, description="most params: 10M")
    min_params: Amount = Field(None, description="fewest params")
    budget_at: Literal["full", "scale"] = Field(
        "full", description="whether these are of the model at full size, or as the scale shrinks it"
    )
    trials: Annotated[int, Within(1, 100_000)] = Field(50, description="candidates in all")
    sampler: Sampler = Field(
        "ehvi",
        description="what proposes them: expected hypervolume improvement of a Gaussian process that knows the costs, "
        "Optuna's TPE (the default where latency is an objective), NSGA-II or Gaussian process, or chance",
    )
    warm_start: str | None = Field(
        None,
        description=f"the first candidates are the best by this score of untrained models: {', '.join(NAMES)}",
    )
    objectives: list[Objective] = Field(["top1", "macs"], min_length=1, description="one or several, top1 among them")
    scale: str | None = Field(None, description="that ranks them: name or file; default: the study's")
    validation: Annotated[float, Within(0, 1, above=True, below=True)] = Field(
        0.2, description="share of the training pictures that they are ranked on, unless the scale holds out one"
    )
    seed: Seed = Field(0, description="of the proposals and of each candidate's training")
    early_stop: bool = Field(
        False,
        description="end candidates early that are worse than others after as many epochs (ASHA); the test ends none",
    )
    grace_period: Annotated[int, Within(1, 100_000)] = Field(1, description="epochs that early_stop leaves each")
    reduction_factor: Annotated[float, Within(1, 1000, above=True)] = Field(
        2.0, description="early_stop lets the best one in so many go on after each rung of epochs"
    )
    control: bool | None = Field(
        None, description="a random search beside it, of as many candidates; default: with at most 50 trials"
    )
    final_seeds: Annotated[int, Within(1, MOST_SEEDS)] = Field(3, description="that the best are tested with")
    top: Annotated[int, Within(0, 100)] = Field(3, description="how many of the best are tested")
    final_presets: Annotated[int, Within(0, 100)] = Field(
        2, description="how many of the paper's ViTs and T2T-ViTs within the budget, those of most MACs, are tested too"
    )
    name: str | None = Field(None, description="of its journal; default: the study's name")

    @field_validator("sampler", mode="before")
    @classmethod
    def _known_sampler(cls, name: Any) -> Any:
        return _known("sampler", name, get_args(Sampler))

    @model_validator(mode="before")
    @classmethod
    def _default_sampler(cls, given: Any) -> Any:
        """Where latency is an objective, which nobody knows before it is measured, the default is TPE."""
        if isinstance(given, dict) and "sampler" not in given and "latency" in (given.get("objectives") or ()):
            return given | {"sampler": "tpe"}
        return given

    @model_validator(mode="after")
    def _costs_are_known(self) -> "SearchBlock":
        if self.sampler == "ehvi" and "latency" in self.objectives:
            raise ValueError("sampler ehvi has to know all costs, and latency is measured: leave it out, or take tpe")
        return self

    @field_validator("warm_start", mode="before")
    @classmethod
    def _known_score(cls, name: Any) -> Any:
        return None if name is None else _known("score", name, NAMES)

    @field_validator("objectives", mode="before")
    @classmethod
    def _check_objectives(cls, given: Any) -> Any:
        names = list(given) if isinstance(given, list | tuple) else [given]
        for name in names:
            _known("objective", name, get_args(Objective))
        if len(set(names)) < len(names):
            raise ValueError(f"each objective once, got {', '.join(names)}")
        if "top1" not in names:
            raise ValueError(
                f"one of the objectives must be top1, got {', '.join(names)}: what only costs, nobody needs to train; "
                "max_macs and max_params bound it"
            )
        return names


def _known(kind: str, name: Any, names: tuple[str, ...]) -> Any:
    if isinstance(name, str) and name not in names:
        raise ValueError(f"unknown {kind} {name!r}{nearest(name, names)}")
    if not isinstance(name, str):
        raise ValueError(f"the name of one of {', '.join(names)}, got {shown(name)}")
    return name
