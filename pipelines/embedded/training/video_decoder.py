"""Train the video decoder alone: latents stay as the denoiser knows them, the picture sharpens.

Every second step is about drafts: latents that the denoiser has drawn, beside what they should have
become.
"""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTX2Video
from torch import Tensor

from pipelines.embedded.network import SPATIAL_RATIO, build_video_vae
from pipelines.embedded.training.crew import ALONE, Crew
from pipelines.embedded.training.drafts import Drafts
from pipelines.embedded.training.latents import latent_grid
from pipelines.embedded.training.run import Run, trained_weights
from pipelines.embedded.training.video_vae import (
    SQUARE,
    clip_batch,
    lesson,
    loss_of,
    optimisers_for,
    paint,
    train_steps,
)

CLIPS = 3
"""Whole clips in a step; on a CPU they take as long as 24 single pictures."""


def draft_lesson(
    vae: AutoencoderKLLTX2Video,
    drafts: Drafts,
    generator: np.random.Generator,
    device: torch.device,
) -> tuple[Tensor, Tensor]:
    """Loss and error of some drafts, decoded."""
    rows = generator.integers(len(drafts.scenes), size=CLIPS)
    drawn = [paint(drafts.scenes[int(row)], SQUARE, slice(None)) for row in rows]
    video, cover = (torch.stack(each).to(device) for each in zip(*drawn, strict=True))
    tokens = drafts.video[torch.from_numpy(rows)].float().to(device)
    grid = latent_grid(SQUARE, SPATIAL_RATIO)
    latent = tokens.transpose(1, 2).reshape(CLIPS, -1, *grid)
    with torch.autocast(device.type, torch.bfloat16):
        output = vae.decode(latent).sample
    return loss_of(output, video, cover)


def teach(
    vae: AutoencoderKLLTX2Video,
    drafts: Drafts,
    device: torch.device,
    step: int,
    generator: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Drafts and encoded clips in turn, and now and then single pictures."""
    if step % 12 == 11:
        return lesson(vae, *clip_batch(generator, SQUARE, 24, window=1), device)
    if step % 2:
        return draft_lesson(vae, drafts, generator, device)
    return lesson(vae, *clip_batch(generator, SQUARE, CLIPS), device)


def train_decoder(
    folder: Path,
    steps: int,
    drafts: Drafts,
    device: torch.device,
    crew: Crew = ALONE,
    seed: int = 6,
) -> None:
    """Train the decoder from the newest state in `folder`, or from the VAE's, to `steps`."""
    torch.manual_seed(seed)
    vae = build_video_vae().to(device)
    vae.load_state_dict(trained_weights(folder, "video_vae")["vae"])
    vae.encoder.requires_grad_(False)
    optimisers = optimisers_for(vae.decoder, rate=0.01)
    run = Run(
        folder,
        "video_decoder",
        steps,
        {"decoder": vae.decoder},
        optimisers,
        quiet=crew.rank > 0,
    )
    train_steps(run, vae, device, seed, partial(teach, vae, drafts, device), crew)
