"""Batches for the denoiser: stored latents with captions, noise and the weights of their loss."""

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from pipelines.embedded.network import MAX_TEXT, SPATIAL_RATIO
from pipelines.embedded.scene import BACKGROUNDS, SHAPES, Scene
from pipelines.embedded.training.latents import STEADY, Store, latent_grid
from pipelines.embedded.training.sketch import outline
from pipelines.embedded.world import is_held_out, training_caption

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each channel of the video (64,) and audio (32,) latents."""

    video_mean: Tensor
    video_std: Tensor
    audio_mean: Tensor
    audio_std: Tensor

    def video(self, latent: Tensor) -> Tensor:
        """Normalise video tokens."""
        return (latent.float() - self.video_mean) / self.video_std

    def audio(self, latent: Tensor) -> Tensor:
        """Normalise audio tokens."""
        return (latent.float() - self.audio_mean) / self.audio_std


def measure_scale(store: Store) -> Scale:
    """Take the statistics from a store; steady sounds and clicks count in equal parts a kind."""
    video = store.video.float().flatten(0, 2)
    audio = torch.cat([store.steady.flatten(0, 1), store.clicks[:1].flatten(0, 1)])
    return Scale(video.mean(0), video.std(0), audio.mean(0), audio.std(0).clamp(min=0.05))


@dataclass
class Batch:
    """One step's data; tokens are normalised, `grid` is the latents' time, height, width."""

    video: Tensor  # (batch, tokens, 64)
    other_shapes: Tensor  # (batch, shapes - 1, tokens, 64): the same scenes, otherwise shaped
    audio: Tensor  # (batch, audio tokens, 32)
    weight: Tensor  # (batch, tokens), mean about one
    outline: Tensor  # (batch, tokens, cells): what of each token the shape covers, frame by frame
    ids: Tensor  # (batch, MAX_TEXT)
    mask: Tensor  # (batch, MAX_TEXT)
    grid: tuple[int, int, int]
    rate: float

    def to(self, device: torch.device) -> "Batch":
        """The same batch on a device."""
        return Batch(
            video=self.video.to(device),
            other_shapes=self.other_shapes.to(device),
            audio=self.audio.to(device),
            weight=self.weight.to(device),
            outline=self.outline.to(device),
            ids=self.ids.to(device),
            mask=self.mask.to(device),
            grid=self.grid,
            rate=self.rate,
        )


def draw_sigmas(generator: np.random.Generator, count: int) -> Tensor:
    """Noise levels in 0..1: 70 % shifted by 8 to high noise, the rest by 1.5. (count,)"""
    level = generator.random(count)
    shift = np.where(generator.random(count) < 0.70, 8.0, 1.5)
    return torch.from_numpy(shift * level / (1 + (shift - 1) * level)).float().clamp(1e-3, 1.0)


def choose_sound(scene: Scene, generator: np.random.Generator) -> str:
    """Pair a clip with a sound; a bouncing one clicks in two cases of five."""
    if scene.motion == "bounce" and generator.random() < 0.4:
        return "click"
    return STEADY[int(generator.integers(len(STEADY)))]


def token_weights(video: Tensor, plain: Tensor) -> Tensor:
    """Weight tokens by their distance from the plain background's: 0.4 to 2.5, (batch, tokens)."""
    away = (video - plain).square().mean(-1).sqrt()
    weight = (away / away.mean()).clamp(0.4, 2.5)
    return weight / weight.mean()


def _sound_latent(store: Store, row: int, sound: str) -> Tensor:
    """Tokens (audio tokens, 32) of a sound; clicks are those of the very clip."""
    if sound == "click":
        return store.clicks[store.click_row[row]]
    return store.steady[STEADY.index(sound)]


def _in_every_shape(
    store: Store, scale: Scale, rows: IntArray, shapes: IntArray, named: list[bool]
) -> Tensor:
    """Normalised latents of scenes in the shapes they show, then in the others.

    (batch, shapes, tokens, 64); what is held out, or what no caption names, is the shown shape
    again: there is nothing to be learned from the difference.
    """
    order = (shapes[:, None] + np.arange(len(SHAPES))) % len(SHAPES)
    every = scale.video(store.video[rows])[torch.arange(len(rows))[:, None], order]
    for row, turn in np.ndindex(*order.shape):
        scene = replace(store.drawn[int(rows[row])], shape=SHAPES[int(order[row, turn])])
        if is_held_out(scene) or not named[row]:
            every[row, turn] = every[row, 0]
    return every


@dataclass
class Shown:
    """What a batch's clips show and say, one entry a clip."""

    captions: list[str] = field(default_factory=list)
    outlines: list[Tensor] = field(default_factory=list)
    sounds: list[Tensor] = field(default_factory=list)
    shape_named: list[bool] = field(default_factory=list)


def _show(store: Store, rows: IntArray, shapes: IntArray, generator: np.random.Generator) -> Shown:
    """Draw captions, sounds and outlines; a shape held out gives way to the one first drawn."""
    shown = Shown()
    for place, row in enumerate(rows):
        scene = store.drawn[int(row)]
        shaped = replace(scene, shape=SHAPES[shapes[place]])
        if is_held_out(shaped):
            shaped, shapes[place] = scene, SHAPES.index(scene.shape)
        sound = choose_sound(scene, generator)
        caption, said = training_caption(replace(shaped, sound=sound), generator)
        shown.captions.append(caption)
        shown.outlines.append(outline(shaped, store.frame))
        shown.sounds.append(_sound_latent(store, int(row), sound))
        shown.shape_named.append("shape" in said)
    return shown


def draw_batch(
    store: Store,
    scale: Scale,
    tokenizer: PreTrainedTokenizerBase,
    generator: np.random.Generator,
    count: int,
) -> Batch:
    """Draw `count` clips with fresh captions, sounds and shapes."""
    rows = generator.integers(len(store.video), size=count)
    shapes = generator.integers(len(SHAPES), size=count)
    shown = _show(store, rows, shapes, generator)
    every = _in_every_shape(store, scale, rows, shapes, shown.shape_named)
    video = every[:, 0]
    grounds = [BACKGROUNDS.index(store.drawn[int(row)].background) for row in rows]
    text = tokenizer(
        shown.captions,
        padding="max_length",
        max_length=MAX_TEXT,
        truncation=True,
        return_tensors="pt",
    )
    return Batch(
        video=video,
        other_shapes=every[:, 1:],
        audio=scale.audio(torch.stack(shown.sounds)),
        weight=token_weights(video, scale.video(store.empty[grounds])),
        outline=torch.stack(shown.outlines),
        ids=text.input_ids,
        mask=text.attention_mask,
        grid=latent_grid(store.frame, SPATIAL_RATIO),
        rate=store.frame.rate,
    )
