"""Teach the transformer early where the shape will be: half way through, a head draws its outline.

Text names a motion, and only places tell motions apart; but LTX-2 knows places as distances between
tokens alone (rotary embeddings), so that in pure noise it first has to find out where each token
lies. The picture itself teaches that slowly, the outline in a few hundred steps (the idea of
guiding hidden states is that of REPA, Yu et al. 2024). The head is thrown away after training.
"""

from typing import Any, Final

import numpy as np
import torch
from diffusers import LTX2VideoTransformer3DModel
from torch import Tensor, nn

from pipelines.embedded.network import SPATIAL_RATIO, TEMPORAL_RATIO
from pipelines.embedded.scene import Frame, Scene, mask

BLOCK: Final = 3
"""Of six: the hidden states after this one are asked."""
CELLS: Final = 6
"""Cells along a token's side, of 4 x 4 pixels each."""


def outline(scene: Scene, frame: Frame) -> Tensor:
    """How much of each cell the shape covers: (tokens, TEMPORAL_RATIO * CELLS * CELLS) in 0..1.

    The first token of a place stands for a single frame, which is repeated.
    """
    rows, columns = frame.height // SPATIAL_RATIO, frame.width // SPATIAL_RATIO
    small = Frame(rows * CELLS, columns * CELLS, frame.frames, frame.rate)
    cover = mask(scene, small)
    cover = np.concatenate([np.repeat(cover[:1], TEMPORAL_RATIO - 1, axis=0), cover])
    times = len(cover) // TEMPORAL_RATIO
    cells = torch.from_numpy(cover).view(times, TEMPORAL_RATIO, rows, CELLS, columns, CELLS)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(times * rows * columns, -1)


class Sketch(nn.Module):
    """A head on one block of a transformer."""

    def __init__(self, transformer: LTX2VideoTransformer3DModel) -> None:
        super().__init__()
        block = transformer.transformer_blocks[BLOCK]
        width = transformer.config.num_attention_heads * transformer.config.attention_head_dim
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, TEMPORAL_RATIO * CELLS * CELLS)
        self._seen: Tensor | None = None
        block.register_forward_hook(self._watch)

    def _watch(self, block: nn.Module, inputs: Any, output: tuple[Tensor, ...]) -> None:
        self._seen = output[0]

    def loss(self, outlines: Tensor, given: int) -> Tensor:
        """Cross entropy of what the last forward pass shows against outlines (batch, tokens, ...).

        The first `given` tokens are known and not asked.
        """
        assert self._seen is not None, "the transformer has not run"
        drawn = self.head(self.norm(self._seen.float()))
        self._seen = None
        return nn.functional.binary_cross_entropy_with_logits(drawn[:, given:], outlines[:, given:])
