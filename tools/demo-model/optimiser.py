"""Muon for the hidden matrices, AdamW for everything else; bf16 weights with f32 masters.

Muon (Jordan et al., 2024) steps along the nearest orthogonal matrix to the momentum, found with five
Newton-Schulz iterations. Matrices of one shape are stacked, so that a step is a handful of batched products.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

NEWTON_SCHULZ_STEPS = 5
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
MOMENTUM = 0.95
WEIGHT_DECAY = 0.02


def uses_muon(name: str, parameter: Tensor) -> bool:
    return parameter.ndim == 2 and not any(part in name for part in ("embed", "aux", "patch", "merger"))


def orthogonalise(matrices: Tensor) -> Tensor:
    """[count, rows, columns] bf16 -> the same with all singular values near one."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.transpose(1, 2).contiguous() if tall else matrices
    norm = torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True, dtype=torch.float) + 1e-7
    x = x / norm.to(x.dtype)
    a, b, c = NEWTON_SCHULZ
    for _ in range(NEWTON_SCHULZ_STEPS):
        square = x @ x.transpose(1, 2)
        polynomial = torch.baddbmm(square, square, square, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return x.transpose(1, 2) if tall else x


class Optimiser:
    def __init__(self, named: list[tuple[str, nn.Parameter]], muon_rate: float, adam_rate: float) -> None:
        self.muon_rate, self.adam_rate, self.steps = muon_rate, adam_rate, 0
        self.matrices: dict[tuple[int, ...], list[nn.Parameter]] = {}
        self.others: list[nn.Parameter] = []
        for name, parameter in named:
            if uses_muon(name, parameter):
                self.matrices.setdefault(tuple(parameter.shape), []).append(parameter)
            else:
                self.others.append(parameter)
        self.masters = {
            shape: [torch.stack([p.detach().float() for p in group]), torch.zeros(len(group), *shape)]
            for shape, group in self.matrices.items()
        }
        self.other_masters = [nn.Parameter(p.detach().float().clone()) for p in self.others]
        self.adam = torch.optim.AdamW(
            self.other_masters, lr=adam_rate, betas=(0.9, 0.98), eps=1e-8, weight_decay=0.01, fused=True
        )

    @torch.no_grad()
    def step(self, factor: float) -> None:
        """One step at `factor` of the full learning rates; clears the gradients."""
        self.steps += 1
        for shape, group in self.matrices.items():
            master, momentum = self.masters[shape]
            gradient = torch.stack([p.grad for p in group]).float()
            momentum.lerp_(gradient, 1 - MOMENTUM)
            update = orthogonalise(gradient.lerp_(momentum, MOMENTUM).bfloat16())
            rate = self.muon_rate * factor
            master.mul_(1 - rate * WEIGHT_DECAY)
            master.add_(update, alpha=-rate * max(1, shape[0] / shape[1]) ** 0.5)
            for parameter, weights in zip(group, master, strict=True):
                parameter.copy_(weights)
                parameter.grad = None
        for parameter, master in zip(self.others, self.other_masters, strict=True):
            master.grad = torch.zeros_like(master) if parameter.grad is None else parameter.grad.float()
        for group in self.adam.param_groups:
            group["lr"] = self.adam_rate * factor
        self.adam.step()
        for parameter, master in zip(self.others, self.other_masters, strict=True):
            parameter.copy_(master)
            parameter.grad = master.grad = None

    def state(self) -> dict:
        others = [master.detach() for master in self.other_masters]
        return {"mm": self.masters, "aw": others, "ao": self.adam.state_dict(), "t": self.steps}

    @torch.no_grad()
    def load(self, state: dict) -> None:
        self.steps = state["t"]
        for shape, held in self.masters.items():
            for mine, saved in zip(held, state["mm"][shape], strict=True):
                mine.copy_(saved)
        for mine, saved in zip(self.other_masters, state["aw"], strict=True):
            mine.copy_(saved)
        self.adam.load_state_dict(state["ao"])
        for shape, group in self.matrices.items():
            for parameter, weights in zip(group, self.masters[shape][0], strict=True):
                parameter.copy_(weights)
        for parameter, master in zip(self.others, self.other_masters, strict=True):
            parameter.copy_(master)
