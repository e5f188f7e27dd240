"""A family's transformers, loaded as one rank of a gang holds and runs them."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from pipelines.checkpoint import Checkpoint
from pipelines.parallel.fit import TRANSFORMERS, check_shape
from pipelines.parallel.group import RankGroup
from pipelines.parallel.loading import load_part
from pipelines.parallel.plans import PLANS
from pipelines.parallel.sequence import divide_tokens


def load_parts(
    checkpoint: Checkpoint, names: Iterable[str], *, dtype: torch.dtype, ranks: RankGroup | None
) -> dict[str, nn.Module]:
    """The transformers among the components `names`, each with this rank's weights alone.

    Nothing without a gang, or where its ranks hold whole transformers: these are loaded like any
    component. Raises `UnfitShape` before anything is read.
    """
    if ranks is None:
        return {}
    check_shape(checkpoint.family, checkpoint.configs, ranks.shape)
    if ranks.shape.tp == 1:
        return {}
    names = [name for name in names if name in TRANSFORMERS]
    folder = checkpoint.fetch(names)
    return {
        name: load_part(
            folder / name,
            checkpoint.configs[name],
            dtype=dtype,
            device=ranks.device,
            way=ranks.way("tp"),
        )
        for name in names
    }


def divide_sequence(pipeline: Any, ranks: RankGroup | None) -> None:
    """Let the loaded transformers of a pipeline do their rank's part of the tokens."""
    if ranks is None or ranks.shape.ulysses == 1:
        return
    for name in TRANSFORMERS:
        transformer = getattr(pipeline, name, None)
        if transformer is not None:
            plan = PLANS[type(transformer).__name__].sequence
            assert not isinstance(plan, str)  # `check_shape` refuses these
            divide_tokens(transformer, plan, ranks)
