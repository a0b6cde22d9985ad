"""SGD and LARS, both without a single wait for the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from trainers.config import RunConfig


def make_optimizer(config: RunConfig, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of the config over a model's parameters; its rate is set anew before each step."""
    if config.optimizer == "lars":
        return Lars(
            model.parameters(),
            lr=config.learning_rate,
            momentum=config.optimizer_momentum,
            weight_decay=config.weight_decay,
            trust=config.lars_trust,
        )
    return torch.optim.SGD(
        model.parameters(),
        lr=config.learning_rate,
        momentum=config.optimizer_momentum,
        weight_decay=config.weight_decay,
        fused=True,
    )


class Lars(torch.optim.Optimizer):
    """Layer-wise adaptive rate scaling (You 2017), in the form that SimCLR's own code uses.

    For a weight w with gradient g and decayed gradient g' = g + wd w:

        v <- momentum v + lr (trust |w| / |g'|) g',   w <- w - v

    with the factor in brackets 1 where |w| or |g'| is 0. Biases and batch-norm scales (all tensors of one
    dimension) are neither decayed nor scaled.

    Args:
        lr, momentum, weight_decay, trust: as above; lr may be changed in `param_groups` at any time.
    """

    def __init__(self, params: Any, lr: float, momentum: float, weight_decay: float, trust: float) -> None:
        weights = list(params)
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust}
        groups = [
            {"params": [w for w in weights if w.ndim > 1], "scaled": True},
            {"params": [w for w in weights if w.ndim <= 1], "scaled": False},
        ]
        super().__init__([group for group in groups if group["params"]], defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            weights = [w for w in group["params"] if w.grad is not None]
            gradients = [w.grad for w in weights]
            if not weights:
                continue
            for w in weights:
                if "velocity" not in self.state[w]:
                    self.state[w]["velocity"] = torch.zeros_like(w)
            velocities: list[Tensor] = [self.state[w]["velocity"] for w in weights]
            if group["scaled"]:
                if group["weight_decay"]:
                    gradients = list(torch._foreach_add(gradients, weights, alpha=group["weight_decay"]))
                gradients = list(torch._foreach_mul(gradients, _trust_ratios(weights, gradients, group["trust"])))
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, gradients, alpha=group["lr"])
            torch._foreach_sub_(weights, velocities)


def _trust_ratios(weights: list[Tensor], gradients: list[Tensor], trust: float) -> list[Tensor]:
    """trust |w| / |g| of each pair, 1 where either norm is 0; scalar tensors."""
    w = torch.stack(torch._foreach_norm(weights))
    g = torch.stack(torch._foreach_norm(gradients))
    ratio = torch.where((w > 0) & (g > 0), trust * w / g, torch.ones_like(w))
    return list(ratio.unbind())
