"""Muon for the matrices inside the layers, AdamW for everything else."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

# Coefficients of the Newton-Schulz iteration: Keller Jordan, "Muon: an optimizer for hidden layers", 2024.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
N_STEPS = 5
MOMENTUM = 0.95
WEIGHT_DECAY = 0.02


def orthogonalised(gradient: Tensor) -> Tensor:
    """Return about the nearest matrix whose singular values are all one."""
    a, b, c = COEFFICIENTS
    x = gradient / (gradient.norm() + 1e-7)
    is_tall = x.shape[0] > x.shape[1]
    x = x.T if is_tall else x
    for _ in range(N_STEPS):
        squared = x @ x.T
        x = a * x + (b * squared + c * squared @ squared) @ x
    return x.T if is_tall else x


class Optimizer:
    """Takes steps for a model; `parts` says how many matrices stand one above the other in a parameter."""

    def __init__(self, model: nn.Module, rate: float, matrix_rate: float) -> None:
        self._rate, self._matrix_rate = rate, matrix_rate
        named = list(model.named_parameters())
        self._matrices = [(p, _parts(name)) for name, p in named if _is_matrix(name, p)]
        self._others = [p for name, p in named if not _is_matrix(name, p)]
        self._momenta = [torch.zeros_like(p) for p, _ in self._matrices]
        self._adam = torch.optim.AdamW(self._others, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)

    def step(self, scale: float) -> None:
        """Take one step with the learning rates times `scale`, and clear the gradients."""
        _clip(self._others)
        for group in self._adam.param_groups:
            group["lr"] = self._rate * scale
        with torch.no_grad():
            for (parameter, parts), momentum in zip(self._matrices, self._momenta, strict=True):
                if parameter.grad is None:
                    continue
                momentum.lerp_(parameter.grad, 1 - MOMENTUM)
                ahead = parameter.grad.lerp(momentum, MOMENTUM)
                update = torch.cat([_scaled(part) for part in ahead.chunk(parts)])
                rate = self._matrix_rate * scale
                parameter.mul_(1 - rate * WEIGHT_DECAY).add_(update, alpha=-rate)
                parameter.grad = None
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)


def _scaled(gradient: Tensor) -> Tensor:
    return orthogonalised(gradient) * max(1.0, gradient.shape[0] / gradient.shape[1]) ** 0.5


def _clip(parameters: Iterable[nn.Parameter]) -> None:
    torch.nn.utils.clip_grad_norm_(parameters, 1.0)


def _is_matrix(name: str, parameter: nn.Parameter) -> bool:
    return name.startswith("layers.") and parameter.dim() == 2


def _parts(name: str) -> int:
    return 3 if "qkv" in name else 2 if "gate_up" in name else 1
