"""Train the video VAE on rendered scenes: single images first, then stretches of clips."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from diffusers import AutoencoderKLLTX2Video
from torch import Tensor, nn

from pipelines.embedded import scene as scenes
from pipelines.embedded.network import build_video_vae
from pipelines.embedded.training.crew import ALONE, Crew
from pipelines.embedded.training.muon import Muon, split_parameters
from pipelines.embedded.training.run import Run

SQUARE: Final = scenes.Frame()
TWINS: Final = MappingProxyType({"ball": "square", "square": "ball"})
"""Shapes of one area, which differ at the square's corners alone: 1 % of a picture."""
TWIN_WEIGHT: Final = 60
"""By which that counts a third of a picture."""
TWIN_DOUBT: Final = 0.5
FLOOR: Final = 2e-3
"""Errors of a clip below this no longer matter."""


def clip_batch(
    generator: np.random.Generator, frame: scenes.Frame, count: int, window: int | None = None
) -> tuple[Tensor, Tensor]:
    """Render clips (count, 3, frames, height, width) in -1..1 and masks (count, 2, ...).

    The first mask is the shape's, the second what it covers more than its twin would, -1..1.

    With `window`, only so many frames in a row of each clip, beginning anywhere.
    """
    drawn = []
    for _ in range(count):
        scene = scenes.draw_scene(generator)
        start = 0 if window is None else int(generator.integers(frame.frames - window + 1))
        drawn.append(paint(scene, frame, slice(start, None if window is None else start + window)))
    return torch.stack([video for video, _ in drawn]), torch.stack([mask for _, mask in drawn])


def paint(scene: scenes.Scene, frame: scenes.Frame, shown: slice) -> tuple[Tensor, Tensor]:
    """The `shown` frames of a scene, and its masks."""
    twin = replace(scene, shape=TWINS.get(scene.shape, scene.shape))
    mask, other = (scenes.mask(each, frame)[shown] for each in (scene, twin))
    video = torch.from_numpy(scenes.paint(scene, mask)).permute(3, 0, 1, 2) * 2 - 1
    return video.contiguous(), torch.from_numpy(np.stack([mask, mask - other]))


def batch_for(
    step: int, steps: int, generator: np.random.Generator, images: float = 0.06
) -> tuple[Tensor, Tensor]:
    """Choose and render the batch of one step.

    Single images for the share `images` of the steps, then stretches of nine frames, and whole
    clips in the last fourteenth.
    """
    if step < images * steps or step % 12 == 11:
        return clip_batch(generator, SQUARE, 24, window=1)
    if step < 0.93 * steps:
        return clip_batch(generator, SQUARE, 4, window=9)
    return clip_batch(generator, SQUARE, 3)


def reconstruct(vae: AutoencoderKLLTX2Video, video: Tensor, noise: float) -> tuple[Tensor, Tensor]:
    """Encode and decode; the latent gets up to `noise` standard deviations of noise per clip."""
    latent = vae.encode(video).latent_dist.mean
    spread = latent.detach().float().std(dim=(0, 2, 3, 4), keepdim=True)
    level = noise * torch.rand(len(latent), 1, 1, 1, 1, device=latent.device)
    noisy = latent + level * spread * torch.randn_like(latent)
    return vae.decode(noisy).sample, latent


def doubt(error: Tensor, video: Tensor, cover: Tensor) -> Tensor:
    """How far corners lie on the wrong side of half way to the other colour, smoothly: ().

    Where they lie on the right side an outline is that of its shape, however soft it is.
    """
    shape, apart = cover[:, :1], cover[:, 1]
    inside = (video * shape).sum(dim=(2, 3, 4)) / shape.sum(dim=(2, 3, 4)).clamp(min=1)
    outside = (video * (1 - shape)).sum(dim=(2, 3, 4)) / (1 - shape).sum(dim=(2, 3, 4))
    contrast = (inside - outside)[:, :, None, None, None]
    along = (error * contrast).sum(1) / contrast.square().sum(1).clamp(min=1e-3)
    wrong = torch.nn.functional.softplus(-8 * (along * apart.sign() + 0.5))
    return (wrong * apart.abs()).sum() / apart.abs().sum().clamp(min=1)


def loss_of(output: Tensor, video: Tensor, cover: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of decoded clips and their plain mean squared error (pixels in 0..1).

    Each clip counts by the logarithm of its error: a shape that hardly differs from its background
    has to be as sharp as any other.
    """
    error = output.float() - video
    near = torch.nn.functional.max_pool3d(cover[:, :1], (1, 9, 9), stride=1, padding=(0, 4, 4))
    weight = 1 + 3 * near + TWIN_WEIGHT * cover[:, 1:].abs()
    weight = weight / weight.mean()
    each = (weight * (error.abs() + 3 * error.square())).flatten(1).mean(1)
    loss = (each + FLOOR).log().mean()
    loss = loss + TWIN_DOUBT * doubt(error, video, cover)
    return loss, (error / 2).square().mean().detach()


def lesson(
    vae: AutoencoderKLLTX2Video, video: Tensor, cover: Tensor, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Loss and error of clips that are encoded and decoded."""
    with torch.autocast(device.type, torch.bfloat16):
        output, latent = reconstruct(vae, video.to(device), noise=0.2)
    loss, error = loss_of(output, video.to(device), cover.to(device))
    return loss + 1e-4 * latent.float().square().mean(), error


@torch.no_grad()
def held_out_psnr(vae: AutoencoderKLLTX2Video, count: int, device: torch.device) -> Tensor:
    """PSNR in dB of `count` clips that training never draws: (count,)."""
    generator = np.random.default_rng((990_000, 1))
    figures = []
    for _ in range(count):
        video, _ = clip_batch(generator, SQUARE, 1)
        video = video.to(device)
        with torch.autocast(device.type, torch.bfloat16):
            output = vae.decode(vae.encode(video).latent_dist.mean).sample
        error = (output.float().clamp(-1, 1) - video) / 2
        figures.append(-10 * error.square().mean().log10())
    return torch.stack(figures).cpu()


def optimisers_for(module: nn.Module, rate: float = 0.03) -> dict[str, torch.optim.Optimizer]:
    """Muon for the kernels, AdamW for the rest."""
    matrices, rest = split_parameters(module)
    return {
        "muon": Muon(matrices, lr=rate),
        "adam": torch.optim.AdamW(rest, lr=rate / 15, betas=(0.9, 0.95), weight_decay=0.0),
    }


def train_steps(
    run: Run,
    vae: AutoencoderKLLTX2Video,
    device: torch.device,
    seed: int,
    teach: Callable[[int, np.random.Generator], tuple[Tensor, Tensor]],
    crew: Crew = ALONE,
) -> None:
    """Do what is left of a run over whatever in the VAE still learns.

    `teach` gives the loss and the error of a step; the same step always draws the same.
    """
    learning = [parameter for parameter in vae.parameters() if parameter.requires_grad]
    for step in run:
        torch.manual_seed(crew.torch_seed(seed, step))
        loss, error = teach(step, np.random.default_rng(crew.seed(seed, step)))
        loss.backward()  # type: ignore[no-untyped-call]
        crew.share(learning)
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        for optimiser in run.optimisers.values():
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        if step % 10 == 0:
            run.log(step, loss=loss.item(), psnr=-10 * error.log10().item())
        if not run.quiet and (step % 200 == 199 or step == run.steps - 1):
            figures = held_out_psnr(vae, 8, device)
            run.log(step, held_out=float(figures.mean()), held_out_worst=float(figures.min()))


def train_video_vae(
    folder: Path, steps: int, device: torch.device, crew: Crew = ALONE, seed: int = 1
) -> None:
    """Train encoder and decoder from the newest state in `folder` to `steps`."""
    torch.manual_seed(seed)
    vae = build_video_vae().to(device)
    run = Run(folder, "video_vae", steps, {"vae": vae}, optimisers_for(vae), quiet=crew.rank > 0)

    def teach(step: int, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        return lesson(vae, *batch_for(step, steps, generator), device)

    train_steps(run, vae, device, seed, teach, crew)
