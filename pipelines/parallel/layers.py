"""Layers of which a rank holds a part; they are made without weights and take their part later."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from pipelines.parallel.way import Way


class ColumnLinear(nn.Linear):
    """Some outputs of a linear layer; the input is whole."""

    divided: ClassVar[Mapping[str, int]] = MappingProxyType({"weight": 0, "bias": 0})
    """Dimension along which each parameter is cut; a parameter not named here is whole."""

    def __init__(self, whole: nn.Linear, way: Way) -> None:
        super().__init__(
            whole.in_features,
            whole.out_features // way.size,
            bias=whole.bias is not None,
            device="meta",
            dtype=whole.weight.dtype,
        )
        self.way = way


class GatheredLinear(ColumnLinear):
    """The same, and the ranks' outputs are put together: the weights are divided, no one else."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
        return self.way.join(super().forward(input))


class RowLinear(nn.Linear):
    """Some inputs of a linear layer: the ranks' results are summed, then comes the bias."""

    divided: ClassVar[Mapping[str, int]] = MappingProxyType({"weight": 1})

    def __init__(self, whole: nn.Linear, way: Way) -> None:
        super().__init__(
            whole.in_features // way.size,
            whole.out_features,
            bias=whole.bias is not None,
            device="meta",
            dtype=whole.weight.dtype,
        )
        self.way = way

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
        total = self.way.sum(functional.linear(input, self.weight))
        return total if self.bias is None else total.add_(self.bias)


class AcrossHeadsNorm(nn.RMSNorm):
    """An RMS norm over the channels of all heads, of which the rank has some."""

    divided: ClassVar[Mapping[str, int]] = MappingProxyType({"weight": 0})

    def __init__(self, whole: nn.RMSNorm, way: Way) -> None:
        (width,) = whole.normalized_shape
        super().__init__(
            width // way.size,
            eps=whole.eps,
            elementwise_affine=whole.elementwise_affine,
            device="meta",
        )
        self.way, self.width = way, width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wide = x.float()
        squares = self.way.sum(wide.square().sum(-1, keepdim=True))
        eps = torch.finfo(x.dtype).eps if self.eps is None else self.eps
        wide = wide * torch.rsqrt(squares / self.width + eps)
        return (wide if self.weight is None else wide * self.weight).to(x.dtype)


class HeadSlice:
    """Of rotary tables that differ from head to head, those of this rank's heads."""

    def __init__(self, way: Way) -> None:
        self._way = way

    def __call__(
        self, module: nn.Module, given: object, tables: tuple[torch.Tensor, ...]
    ) -> tuple[torch.Tensor, ...]:
        """As a forward hook."""
        return tuple(self._slice(table) for table in tables)

    def _slice(self, table: torch.Tensor) -> torch.Tensor:
        """[batch, heads, tokens, half a head], or [batch, tokens, channels of all heads]."""
        if table.ndim == 4:
            return table[:, self._way.part(table.shape[1])]
        return table[..., self._way.part(table.shape[-1])]
