"""Muon: momentum with orthogonalised matrix updates (Jordan et al. 2024)."""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn


def orthogonalise(matrices: Tensor, steps: int = 3) -> Tensor:
    """Push all singular values of (..., rows, columns) towards one (Newton-Schulz)."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.to(torch.bfloat16)
    flipped = x.size(-2) > x.size(-1)
    if flipped:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
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
    """Nesterov momentum, orthogonalised in blocks of rows; a step turns a block by about lr.

    Blocks of one size are orthogonalised together: a model has hundreds of them, and a GPU is idle
    while they are launched one by one.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, rows: int = 128
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "rows": rows})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step along the orthogonalised momentum."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    blocks = blocks_of(self._update(weight, group["momentum"]), group["rows"])
                    alike[blocks.shape[1:]].append((weight, blocks))
            for size, members in alike.items():
                turned = orthogonalise(torch.cat([blocks for _, blocks in members]))
                scale = max(1.0, size[0] / size[1]) ** 0.5
                parts = torch.split(turned, [len(blocks) for _, blocks in members])
                for (weight, _), part in zip(members, parts, strict=True):
                    change = part.reshape(weight.shape).to(weight.dtype)
                    weight.add_(change, alpha=-group["lr"] * scale)

    def _update(self, weight: nn.Parameter, decay: float) -> Tensor:
        """The momentum, and a look ahead along it."""
        assert weight.grad is not None
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight, memory_format=torch.contiguous_format)
        momentum: Tensor = state["momentum"]
        momentum.lerp_(weight.grad, 1 - decay)
        return weight.grad.lerp(momentum, decay).contiguous()


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
