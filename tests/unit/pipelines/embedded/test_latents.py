"""What the denoiser and the decoder are shown of stored latents: never what is held out."""

from dataclasses import replace

import numpy as np
import torch

from pipelines.embedded.scene import SHAPES, Frame
from pipelines.embedded.training.denoiser_batch import Scale, draw_batch
from pipelines.embedded.training.drafts import draw_scenes
from pipelines.embedded.training.latents import Store
from pipelines.embedded.vocabulary import build_tokenizer
from pipelines.embedded.world import draw_training_scene, is_held_out


def numbered_store(generator: np.random.Generator) -> Store:
    """Forty scenes, whose latents are the numbers of their places in the store."""
    drawn = [draw_training_scene(generator) for _ in range(40)]
    places = torch.arange(40 * 3.0).reshape(40, 3, 1, 1).expand(40, 3, 80, 64)
    bouncing = [i for i, scene in enumerate(drawn) if scene.motion == "bounce"]
    return Store(
        frame=Frame(),
        drawn=drawn,
        video=places,
        empty=torch.zeros(9, 80, 64),
        steady=torch.zeros(5, 53, 32),
        clicks=torch.zeros(len(bouncing), 53, 32),
        click_row={clip: row for row, clip in enumerate(bouncing)},
    )


def test_a_batch_never_shows_nor_compares_with_what_is_held_out() -> None:
    generator = np.random.default_rng(8)
    store = numbered_store(generator)
    zero, one = torch.zeros(64), torch.ones(64)
    scale = Scale(zero, one, torch.zeros(32), torch.ones(32))
    batch = draw_batch(store, scale, build_tokenizer(), generator, 400)
    shown = torch.cat([batch.video[:, None], batch.other_shapes], dim=1)[:, :, 0, 0].int()
    for place in shown.unique().tolist():
        assert not is_held_out(replace(store.drawn[place // 3], shape=SHAPES[place % 3]))
    assert (shown[:, 0] != shown[:, 1]).float().mean() > 0.4, "most are compared"


def test_a_draft_is_never_of_what_is_held_out_and_its_caption_names_the_shape() -> None:
    generator = np.random.default_rng(3)
    store = numbered_store(generator)
    drawn = draw_scenes(store, 24, generator)
    assert len(drawn) == 24
    for row, shape, scene, caption in drawn:
        assert scene.shape == SHAPES[shape]
        assert replace(scene, shape=store.drawn[row].shape, sound="") == replace(
            store.drawn[row], sound=""
        )
        assert not is_held_out(scene)
        assert caption
