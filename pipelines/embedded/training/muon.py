"""Muon: momentum with orthogonalised matrix updates (Jordan et al. 2024)."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def orthogonalise(matrix: Tensor, steps: int = 3) -> Tensor:
    """Push all singular values of a (rows, columns) matrix towards one (Newton-Schulz)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.to(torch.bfloat16)
    flipped = x.size(-2) > x.size(-1)
    if flipped:
        x = x.mT
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.mT if flipped else x
    return result


def blocks_of(update: Tensor, rows: int) -> Tensor:
    """Flatten a weight and cut it into equal blocks of at most `rows` rows: (n, rows, columns)."""
    flat = update.flatten(1)
    count = -(-flat.size(0) // rows)
    while flat.size(0) % count:
        count += 1
    return flat.view(count, -1, flat.size(1))


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised in blocks of rows; a step turns a block by about lr."""

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, rows: int = 128
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "rows": rows})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step along the orthogonalised momentum."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(weight)
                momentum = state["momentum"]
                momentum.lerp_(weight.grad, 1 - group["momentum"])
                update = weight.grad.lerp(momentum, group["momentum"])
                blocks = blocks_of(update, group["rows"])
                change = torch.cat([orthogonalise(block) for block in blocks]).view_as(weight)
                scale = max(1.0, blocks.size(-2) / blocks.size(-1)) ** 0.5
                weight.add_(change.to(weight.dtype), alpha=-group["lr"] * scale)


def split_parameters(
    module: nn.Module, plain: tuple[str, ...] = ()
) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Sort parameters into (matrices for Muon, rest); names with a word of `plain` are rest."""
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in module.named_parameters():
        is_matrix = parameter.ndim >= 2 and min(parameter.flatten(1).shape) >= 16
        (matrices if is_matrix and not any(w in name for w in plain) else rest).append(parameter)
    return matrices, rest
