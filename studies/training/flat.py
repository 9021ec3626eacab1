"""An optimizer's parameters as one tensor a group, of which a model's own are views: a few operations for a step.

A small model has a hundred parameters, and on a CPU each operation on each of them costs more than what it computes.
"""

from typing import Any

import torch


class Flat:
    """Makes the groups of an optimizer that has not stepped one tensor each; equal to rounding.

    What is kept of the optimizer is what it would keep without this, parameter by parameter, so that training goes on
    from either. A parameter that a loss does not depend on has a gradient of zeros here: it is decayed as the others.

    Args:
        optimizer: element by element, as SGD and AdamW are. Its parameters keep names and shapes; they are contiguous.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self.members: list[list[torch.Tensor]] = []
        self.tensors: list[torch.Tensor] = []
        for group in optimizer.param_groups:
            members = list(group["params"])
            tensor = torch.cat([p.detach().flatten() for p in members])
            for parameter, view in zip(members, self._views(tensor, members), strict=True):
                parameter.data = view
            self.members.append(members)
            self.tensors.append(tensor)
            group["params"] = [tensor]

    def gather(self) -> None:
        """Give the optimizer the gradients that are in the model's parameters."""
        for tensor, members in zip(self.tensors, self.members, strict=True):
            grads = [p.grad for p in members]
            tensor.grad = torch.cat(
                [
                    torch.zeros_like(p).flatten() if g is None else g.flatten()
                    for p, g in zip(members, grads, strict=True)
                ]
            )

    def state_dict(self) -> dict[str, Any]:
        """As of the optimizer over the model's own parameters."""
        state = self.optimizer.state_dict()
        own: dict[int, dict[str, Any]] = {}
        groups, first = [], 0
        for index, (group, members) in enumerate(zip(state["param_groups"], self.members, strict=True)):
            places = range(first, first + len(members))
            for name, value in state["state"].get(index, {}).items():
                parts = [value] * len(members) if value.ndim == 0 else self._views(value, members)
                for place, part in zip(places, parts, strict=True):
                    own.setdefault(place, {})[name] = part
            groups.append(group | {"params": list(places)})
            first += len(members)
        return {"state": own, "param_groups": groups}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            ValueError: if it is of other parameters.
        """
        counts = [len(group["params"]) for group in state["param_groups"]]
        if counts != [len(members) for members in self.members]:
            raise ValueError(f"the optimizer has groups of {[*map(len, self.members)]} parameters, its state {counts}")
        own: dict[int, dict[str, Any]] = {}
        for index, group in enumerate(state["param_groups"]):
            parts = [state["state"][place] for place in group["params"] if place in state["state"]]
            for name in parts[0] if parts else ():
                values = [part[name] for part in parts]
                own.setdefault(index, {})[name] = (
                    values[0] if values[0].ndim == 0 else torch.cat([value.flatten() for value in values])
                )
        groups = [group | {"params": [index]} for index, group in enumerate(state["param_groups"])]
        self.optimizer.load_state_dict({"state": own, "param_groups": groups})

    @staticmethod
    def _views(tensor: torch.Tensor, members: list[torch.Tensor]) -> list[torch.Tensor]:
        parts = tensor.split([p.numel() for p in members])
        return [part.view(p.shape) for part, p in zip(parts, members, strict=True)]
