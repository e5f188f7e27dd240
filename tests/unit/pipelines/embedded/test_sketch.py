"""The outline that guides the transformer is the picture's own, token by token."""

import pytest
import torch

from pipelines.embedded.network import SPATIAL_RATIO, build_transformer
from pipelines.embedded.scene import Frame, Scene, mask
from pipelines.embedded.training.sketch import BLOCK, CELLS, Sketch, outline

SCENE = Scene("square", "red", "blue", "left", "hum", across=0.2, along=0.4, pace=0.6)


def test_an_outline_is_the_mask_cut_into_tokens() -> None:
    frame = Frame()
    cells = outline(SCENE, frame).view(5, 4, 4, 4, CELLS, CELLS)  # time, row, column, frame, y, x
    cover = torch.from_numpy(mask(SCENE, frame))
    side = SPATIAL_RATIO // CELLS
    coarse = torch.nn.functional.avg_pool2d(cover[:, None], side)[:, 0]
    for number, picture in enumerate(coarse):
        time, turn = divmod(number + 3, 4)
        drawn = cells[time, :, :, turn].permute(0, 2, 1, 3).reshape(24, 24)
        assert (drawn - picture).abs().mean() < 0.02
    assert torch.equal(cells[0, :, :, 0], cells[0, :, :, 3]), "one frame stands for four"


def test_a_sketch_asks_the_block_it_watches_and_not_what_is_given() -> None:
    transformer = build_transformer()
    sketch = Sketch(transformer)
    outlines = torch.stack([outline(SCENE, Frame())] * 2)
    states = torch.randn(2, 80, 256, requires_grad=True)
    sketch._watch(transformer.transformer_blocks[BLOCK], (), (states, states))
    sketch.loss(outlines, given=16).backward()
    assert states.grad is not None
    assert states.grad[:, :16].abs().max() == 0
    assert states.grad[:, 16:].abs().min() > 0
    with pytest.raises(AssertionError, match="has not run"):
        sketch.loss(outlines, given=0)
