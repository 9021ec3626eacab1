"""A small space, and a search of it that needs no training: what tests of searches share."""

from typing import Any

import optuna
import yaml
from conftest import TINY

from searchspace.budget import Budget
from searchspace.feasible import Feasible
from searchspace.space import Space, space_of
from studies.searching.candidates import Candidate, Candidates
from studies.searching.definition import Definition
from studies.searching.search import Search
from studies.trials.scale import Scale, changed

SPACE: dict[str, Any] = {
    "name": "small",
    "base": "t2t_vit_14",
    "knobs": {
        "tokenizer.kind": ["t2t", "patch"],
        "tokenizer.mixer": {"values": ["performer", "transformer", "none"], "when": {"tokenizer.kind": "t2t"}},
        "backbone.depth": {"low": 4, "high": 28, "step": 4},
        "backbone.embed_dim": {"low": 128, "high": 512, "step": 128},
        "head width": {"field": "backbone.num_heads", "per": "backbone.embed_dim", "divide_by": [32, 64]},
        "backbone.mlp_ratio": {"low": 1, "high": 4},
    },
}
BUDGET = Budget(max_macs=2 * 10**9)


def space_file(**changes: Any) -> str:
    """The space as a user writes it."""
    return yaml.safe_dump(SPACE | changes, sort_keys=False)


def definition(sampler: str = "tpe", objectives: tuple[str, ...] = ("top1", "macs"), **more: Any) -> Definition:
    scale = changed(Scale.model_validate(TINY | more.pop("scale", {})), {"validation": 0.25}, {})
    space: Space = more.pop("space", None) or space_of(SPACE)
    budget, seed = more.pop("budget", BUDGET), more.pop("seed", 0)
    return Definition(space, space.base, budget, scale, sampler, objectives, seed, **more)


def candidates(of: Definition) -> Candidates:
    return Candidates(of, Feasible(of.space, of.budget))


def in_memory(of: Definition, stream: str = "") -> Search:
    """A search whose journal is not kept."""
    directions = ["maximize" if name == "top1" else "minimize" for name in of.objectives]
    return Search(optuna.create_study(directions=directions), candidates(of), stream)


def accuracy(candidate: Candidate) -> float:
    """As if it was trained: deeper and narrower is better, whatever the tokenizer; in %."""
    backbone = candidate.model.backbone
    return 50.0 + backbone.depth - backbone.embed_dim / 64 + (candidate.model.tokenizer.kind == "t2t")


def evaluate(search: Search, count: int) -> None:
    """Propose and tell so many candidates, one after the other."""
    for _ in range(count):
        proposal = search.propose()
        assert proposal is not None
        search.tell(proposal.number, accuracy(proposal.candidate))
