"""Sequence parallelism: the library's Ulysses hooks, on the mesh of our gang and by our plans."""

from collections.abc import Mapping
from typing import Any

from diffusers import ContextParallelConfig, ParallelConfig
from diffusers.hooks import apply_context_parallel
from diffusers.models._modeling_parallel import ContextParallelInput
from torch import nn

from pipelines.parallel.group import RankGroup
from pipelines.parallel.plan import SequencePlan
from pipelines.parallel.tensor import named


def divide_tokens(transformer: nn.Module, plan: SequencePlan, ranks: RankGroup) -> None:
    """Let each rank of the ulysses way do its part of the video's tokens."""
    config: Mapping[str, Any] = transformer.config  # type: ignore[assignment]
    context = _context(ranks)
    apply_context_parallel(transformer, context, _hooks(plan, config))
    for path, module in transformer.named_modules():
        if named(path, plan.attentions) and hasattr(module, "processor"):
            module.processor._parallel_config = ParallelConfig(context_parallel_config=context)
    way = ranks.way("ulysses")
    for path in plan.settled:
        # Each rank has the same sums in another order: a bit's difference would grow by the step.
        transformer.get_submodule(path).register_forward_hook(
            lambda module, given, result: way.share(result.contiguous(), 0)
        )

    num_tokens = 0

    def notice_tokens(module: nn.Module, given: Any, named: Mapping[str, Any]) -> None:
        nonlocal num_tokens
        num_tokens = plan.tokens(config, named["hidden_states"].shape)
        context.ulysses_anything = num_tokens % way.size != 0

    transformer.register_forward_pre_hook(notice_tokens, with_kwargs=True)
    for path in plan.gathered:
        # Not by the library, whose unequal parts gloo refuses.
        transformer.get_submodule(path).register_forward_hook(
            lambda module, given, result: way.join_tokens(result, num_tokens)
        )


def _context(ranks: RankGroup) -> ContextParallelConfig:
    """As the library's own `enable_parallelism` sets it up, which would need an accelerator."""
    context = ContextParallelConfig(ulysses_degree=ranks.shape.ulysses)
    context._rank, context._world_size = ranks.rank, ranks.shape.ulysses
    context._device, context._mesh = ranks.device, ranks.mesh
    context._flattened_mesh = context._ulysses_mesh = ranks.mesh["ulysses"]
    context._ulysses_local_rank = ranks.way("ulysses").index
    return context


def _hooks(plan: SequencePlan, config: Mapping[str, Any]) -> dict[str, Any]:
    """The plan in the library's words."""
    hooks: dict[str, Any] = {
        module: {
            name: ContextParallelInput(split_dim=1, expected_dims=dims, split_output=False)
            for name, dims in arguments.items()
        }
        for module, arguments in plan.inputs.items()
    }
    for module, tokens in plan.rotary(config).items():
        table = ContextParallelInput(split_dim=tokens, split_output=True)
        hooks[module] = {0: table, 1: table}
    return hooks
