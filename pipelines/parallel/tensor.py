"""Tensor parallelism from outside: the layers that a plan names become parts of themselves."""

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

from pipelines.parallel.layers import (
    AcrossHeadsNorm,
    ColumnLinear,
    GatheredLinear,
    HeadSlice,
    RowLinear,
)
from pipelines.parallel.plan import ParallelPlan
from pipelines.parallel.way import Way


def divide_layers(transformer: nn.Module, plan: ParallelPlan, way: Way) -> None:
    """Put divided layers, without weights yet, in the place of those that `plan` names."""
    kinds: tuple[tuple[tuple[str, ...], Callable[[Any, Way], nn.Module]], ...] = (
        (plan.columns, ColumnLinear),
        (plan.gathered, GatheredLinear),
        (plan.rows, RowLinear),
        (plan.norms, AcrossHeadsNorm),
    )
    for path, module in list(_inner_modules(transformer, plan)):
        if isinstance(heads := getattr(module, "heads", None), int):
            module.heads = heads // way.size  # type: ignore[assignment]
        for endings, kind in kinds:
            if named(path, endings):
                parent, _, name = path.rpartition(".")
                setattr(transformer.get_submodule(parent), name, kind(module, way))
    for path in plan.rotary:
        transformer.get_submodule(path).register_forward_hook(HeadSlice(way))


def _inner_modules(transformer: nn.Module, plan: ParallelPlan) -> Iterator[tuple[str, nn.Module]]:
    for outer in plan.within:
        for path, module in transformer.get_submodule(outer).named_modules():
            if path:
                yield f"{outer}.{path}", module


def named(path: str, endings: tuple[str, ...]) -> bool:
    """Whether a module's path ends in one of these names."""
    return any(f".{path}".endswith("." + ending) for ending in endings)
