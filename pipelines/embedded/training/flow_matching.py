"""What the denoiser is trained by: flow matching, and what helps it to see and to read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipelines.embedded.training.denoiser_batch import Batch, draw_sigmas
from pipelines.embedded.training.denoising_model import Denoiser
from pipelines.embedded.training.reading import Questions, draw_captions
from pipelines.embedded.training.sketch import Sketch

SHAPE_WEIGHT: Final = 0.005
"""Of `blindness`, which is a sum over 5120 numbers, beside their plain mean."""
SHAPE_FROM, SHAPE_FULL = 0.55, 0.7
"""Shares of the training at which shapes begin to count, and count fully: a model that does not
know yet where anything is learns nothing else while it is asked for shapes."""


@contextmanager
def exact_attention() -> Iterator[None]:
    """On the CPU the backward pass of plain attention is twice as fast as flash attention's."""
    torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(
        True
    )  # of the CPU too, by 10 % of a step
    with sdpa_kernel(SDPBackend.MATH):
        yield


def blindness(error: Tensor, batch: Batch) -> Tensor:
    """How far the predicted velocity leans towards another shape of the same scene: (batch,).

    The mean square of the error along the directions in which this very clip would differ if its
    shape were another one. A ball and a square of one area differ in few pixels, so the plain mean
    over all directions hardly notices which of them is drawn.
    """
    away = (batch.other_shapes - batch.video[:, None]).flatten(2)
    along = torch.einsum("bd,bsd->bs", error.flatten(1), away) / away.norm(dim=2).clamp(min=1e-3)
    squares: Tensor = along.square().mean(1)
    return squares


@dataclass(frozen=True)
class Helpers:
    """Heads that ask what the parts in training know; they are no part of the model."""

    questions: Questions
    sketch: Sketch

    def modules(self) -> dict[str, nn.Module]:
        """The heads by name."""
        return {"questions": self.questions, "sketch": self.sketch}


def flow_losses(
    denoiser: Denoiser, sketch: Sketch, batch: Batch, sigma: Tensor, first_frame: bool
) -> dict[str, Tensor]:
    """Losses of one noisy batch by name; with `first_frame` the first latent frame is given."""
    noise, audio_noise = torch.randn_like(batch.video), torch.randn_like(batch.audio)
    given = batch.grid[1] * batch.grid[2] if first_frame else 0
    levels = sigma[:, None].repeat(1, batch.video.shape[1])
    levels[:, :given] = 0
    noisy = batch.video + levels[..., None] * (noise - batch.video)
    noisy_audio = batch.audio + sigma[:, None, None] * (audio_noise - batch.audio)
    with torch.autocast(batch.video.device.type, torch.bfloat16), exact_attention():
        text = denoiser.embed(batch.ids, batch.mask)
        video, audio = denoiser.velocity(
            noisy,
            noisy_audio,
            text,
            timestep=1000 * (levels if first_frame else sigma),
            sigma=1000 * sigma,
            grid=batch.grid,
            rate=batch.rate,
        )
    error = video.float() - (noise - batch.video)
    error[:, :given] = 0
    plain = (error.square().mean(-1) * batch.weight)[:, given:].mean()
    audio_error = (audio.float() - (audio_noise - batch.audio)).square().mean()
    return {
        "loss": plain,
        "shape": blindness(error, batch).mean(),
        "audio": audio_error,
        "sketch": sketch.loss(batch.outline, given),
    }


def reading_loss(
    denoiser: Denoiser, questions: Questions, generator: np.random.Generator, count: int
) -> Tensor:
    """How well the text that the picture is made from tells what `count` fresh captions say."""
    device = questions.looks.device
    ids, mask, targets = draw_captions(denoiser.tokenizer, generator, count)
    with torch.autocast(device.type, torch.bfloat16), exact_attention():
        text, _ = denoiser.embed(ids.to(device), mask.to(device))
    return questions.loss(text, targets.to(device))


def all_losses(
    denoiser: Denoiser,
    helpers: Helpers,
    batch: Batch,
    generator: np.random.Generator,
    weights: dict[str, float],
) -> dict[str, Tensor]:
    """One step's losses by name, those that `weights` names, not weighted."""
    count = len(batch.video)
    sigma = draw_sigmas(generator, count).to(batch.video.device)
    first_frame = bool(generator.random() < 0.25)
    losses = flow_losses(denoiser, helpers.sketch, batch, sigma, first_frame)
    if "reading" in weights:
        losses["reading"] = reading_loss(denoiser, helpers.questions, generator, 4 * count)
    return losses


def shape_weight(step: int, steps: int) -> float:
    """Weight of `blindness` at a step."""
    return SHAPE_WEIGHT * min(
        1.0, max(0.0, (step / steps - SHAPE_FROM) / (SHAPE_FULL - SHAPE_FROM))
    )


def weights_of(step: int, steps: int) -> dict[str, float]:
    """What counts how much at a step; reading, once learned, is asked for in every fifth alone."""
    weights = {"loss": 1.0, "shape": shape_weight(step, steps), "audio": 0.4, "sketch": 1.0}
    if step < steps / 3 or step % 5 == 0:
        weights["reading"] = 0.2
    return weights
