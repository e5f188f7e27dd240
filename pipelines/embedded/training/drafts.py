"""Latents as the denoiser draws them, each beside the clip that it should have become.

The encoder's latents are of sharp pictures; a sampler's are not quite: corners of a square come out
half way to a ball's. A decoder that has seen such drafts finishes them. A draft is a stored latent
with noise on it, sampled from there on with its caption as a request is: so its shape is where it
was, and what it looks like is the denoiser's own work.
"""

from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from pipelines.embedded.checkpoint import GUIDANCE, STEPS
from pipelines.embedded.network import MAX_TEXT, SPATIAL_RATIO, build_scheduler
from pipelines.embedded.scene import SHAPES, Scene
from pipelines.embedded.training.denoiser_batch import Scale
from pipelines.embedded.training.denoising_model import Denoiser
from pipelines.embedded.training.latents import STEADY, Store, latent_grid
from pipelines.embedded.world import is_held_out, training_caption

BEGIN: Final = (0.6, 0.7, 0.8, 0.86)
"""Noise levels from which drafts are sampled: where a shape is, is decided above them."""
TOGETHER: Final = 16
"""Drafts that are sampled at once."""


@dataclass(frozen=True)
class Drafts:
    """`video` (drafts, tokens, 64) as the sampler left it, not normalised, of these scenes."""

    scenes: list[Scene]
    video: Tensor


def draw_scenes(
    store: Store, count: int, generator: np.random.Generator
) -> list[tuple[int, int, Scene, str]]:
    """Rows of the store, shapes, scenes and captions that name the shape."""
    drawn: list[tuple[int, int, Scene, str]] = []
    while len(drawn) < count:
        row, shape = int(generator.integers(len(store.video))), int(generator.integers(len(SHAPES)))
        steady = STEADY[int(generator.integers(len(STEADY)))]
        scene = replace(store.drawn[row], shape=SHAPES[shape], sound=steady)
        caption, said = training_caption(scene, generator)
        if "shape" in said and not is_held_out(scene):
            drawn.append((row, shape, scene, caption))
    return drawn


@torch.no_grad()
def draw_drafts(
    denoiser: Denoiser, store: Store, scale: Scale, count: int, device: torch.device, seed: int = 8
) -> Drafts:
    """Sample `count` drafts, a quarter from each level of noise."""
    generator = np.random.default_rng(seed)
    torch.manual_seed(seed)
    drawn = draw_scenes(store, count, generator)
    pieces = []
    for start in tqdm(range(0, count, TOGETHER), desc="drafts", mininterval=10):
        some = drawn[start : start + TOGETHER]
        clean = torch.stack([store.video[row, shape] for row, shape, _, _ in some])
        sound = torch.stack([store.steady[STEADY.index(each[2].sound)] for each in some])
        begin = BEGIN[start // TOGETHER % len(BEGIN)]
        video = _sample(
            denoiser,
            _noisy(scale.video(clean).to(device), begin),
            _noisy(scale.audio(sound).to(device), begin),
            [caption for *_, caption in some],
            begin,
            store,
        )
        pieces.append((video.cpu() * scale.video_std + scale.video_mean).half())
    return Drafts([scene for _, _, scene, _ in drawn], torch.cat(pieces))


def save_drafts(drafts: Drafts, path: Path) -> None:
    """Write latents and scenes."""
    torch.save({"video": drafts.video, "scenes": [_plain(scene) for scene in drafts.scenes]}, path)


def load_drafts(path: Path) -> Drafts:
    """Read what `save_drafts` wrote."""
    saved = torch.load(path, weights_only=True)
    return Drafts([Scene(**values) for values in saved["scenes"]], saved["video"])


def _plain(scene: Scene) -> dict[str, str | float]:
    """Without numpy's numbers, which are not loaded unless everything is trusted."""
    values = asdict(scene).items()
    return {name: value if isinstance(value, str) else float(value) for name, value in values}


def _noisy(clean: Tensor, level: float) -> Tensor:
    return clean + level * (torch.randn_like(clean) - clean)


def _sample(
    denoiser: Denoiser,
    video: Tensor,
    audio: Tensor,
    captions: list[str],
    begin: float,
    store: Store,
) -> Tensor:
    """Down the pipeline's own schedule from `begin`, with its guidance; normalised tokens."""
    schedule = build_scheduler()
    schedule.set_timesteps(sigmas=np.linspace(1, 1 / STEPS, STEPS).tolist())
    levels = [begin, *(float(s) for s in schedule.sigmas if s < begin - 1e-4)]
    text = _read(denoiser, captions + [""] * len(captions), video.device)
    for level, next_level in pairwise(levels):
        sigma = torch.full((2 * len(captions),), 1000 * level, device=video.device)
        with torch.autocast(video.device.type, torch.bfloat16):
            towards = denoiser.velocity(
                video.repeat(2, 1, 1),
                audio.repeat(2, 1, 1),
                text,
                timestep=sigma,
                sigma=sigma,
                grid=latent_grid(store.frame, SPATIAL_RATIO),
                rate=store.frame.rate,
            )
        video = video + (next_level - level) * _guided(towards[0])
        audio = audio + (next_level - level) * _guided(towards[1])
    return video


def _guided(velocity: Tensor) -> Tensor:
    told, untold = velocity.float().chunk(2)
    return untold + GUIDANCE * (told - untold)


def _read(denoiser: Denoiser, captions: list[str], device: torch.device) -> tuple[Tensor, Tensor]:
    text = denoiser.tokenizer(
        captions,
        padding="max_length",
        max_length=MAX_TEXT,
        truncation=True,
        return_tensors="pt",
    )
    return denoiser.embed(text.input_ids.to(device), text.attention_mask.to(device))
