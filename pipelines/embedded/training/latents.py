"""Encode many clips and sounds once, so that the denoiser trains on their latents."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLLTX2Audio, AutoencoderKLLTX2Video
from torch import Tensor
from tqdm import tqdm  # type: ignore[import-untyped]

from pipelines.embedded import scene as scenes
from pipelines.embedded.network import TEMPORAL_RATIO
from pipelines.embedded.scene import Frame, Scene
from pipelines.embedded.sound import HOP, render_sound
from pipelines.embedded.training.spectrogram import log_mel
from pipelines.embedded.world import FRAMES, draw_training_scene

STEADY = ("hum", "beep", "rising", "falling", "silence")  # sounds that are the same in every clip


def audio_tokens(frame: Frame) -> int:
    """Audio tokens of a clip, as the pipeline counts them: 25 a second."""
    return round(frame.frames / frame.rate * 25)


def pack(latent: Tensor) -> Tensor:
    """Flatten (batch, channels, frames, height, width) to tokens (batch, tokens, channels)."""
    return latent.flatten(2).transpose(1, 2)


def pack_audio(latent: Tensor) -> Tensor:
    """Flatten (batch, channels, length, mel) to tokens (batch, length, channels * mel)."""
    return latent.transpose(1, 2).flatten(2)


@dataclass
class Store:
    """Latents of one size of clip, not normalised; `clicks` belong to the bouncing scenes."""

    frame: Frame
    drawn: list[Scene]
    video: Tensor  # (clips, shapes, tokens, 64), half precision: each scene in every shape
    empty: Tensor  # (backgrounds, tokens, 64): the plain background without a shape
    steady: Tensor  # (5, audio tokens, 32)
    clicks: Tensor  # (bouncing clips, audio tokens, 32)
    click_row: dict[int, int]  # clip -> row of `clicks`


@torch.no_grad()
def encode_video(vae: AutoencoderKLLTX2Video, clips: np.ndarray, device: torch.device) -> Tensor:
    """Encode (batch, frames, height, width, 3) in 0..1 to tokens (batch, tokens, 64)."""
    video = torch.from_numpy(clips).permute(0, 4, 1, 2, 3).to(device) * 2 - 1
    with torch.autocast(device.type, torch.bfloat16):
        latent = vae.encode(video).latent_dist.mode()
    return pack(latent.float()).cpu()


@torch.no_grad()
def encode_sound(
    vae: AutoencoderKLLTX2Audio, drawn: list[Scene], frame: Frame, device: torch.device
) -> Tensor:
    """Encode the sounds of scenes to tokens (batch, audio tokens, 32)."""
    samples = (4 * audio_tokens(frame) - 3) * HOP
    wave = torch.from_numpy(np.stack([render_sound(scene, samples) for scene in drawn])).to(device)
    mel = log_mel(wave[:, None].repeat(1, 2, 1))
    return pack_audio(vae.encode(mel).latent_dist.mode()).cpu()


def plain_clips(frame: Frame) -> scenes.Array:
    """Clips of every background without a shape: (backgrounds, frames, height, width, 3)."""
    colours = np.array([scenes.PALETTE[name] for name in scenes.BACKGROUNDS], dtype=np.float32)
    size = (len(colours), frame.frames, frame.height, frame.width, 3)
    return np.broadcast_to(colours[:, None, None, None], size).copy()


def build_store(
    name: str,
    count: int,
    video_vae: AutoencoderKLLTX2Video,
    audio_vae: AutoencoderKLLTX2Audio,
    device: torch.device,
    seed: int = 4,
) -> Store:
    """Draw `count` scenes and encode them in every shape, with all the sounds they may carry."""
    frame = FRAMES[name]
    generator = np.random.default_rng((seed, sorted(FRAMES).index(name)))
    drawn = [draw_training_scene(generator) for _ in range(count)]
    pieces = []
    for scene in tqdm(drawn, desc=f"encode {name}", mininterval=10):
        shaped = [replace(scene, shape=shape) for shape in scenes.SHAPES]
        clips = np.stack([scenes.render(each, frame) for each in shaped])
        pieces.append(encode_video(video_vae, clips, device).half())
    steady = [Scene("ball", "red", "blue", "still", sound) for sound in STEADY]
    bouncing = [index for index, scene in enumerate(drawn) if scene.motion == "bounce"]
    clicking = [
        Scene("ball", "red", "blue", "bounce", "click", pace=drawn[index].pace)
        for index in bouncing
    ]
    click_parts = [
        encode_sound(audio_vae, clicking[start : start + 16], frame, device)
        for start in range(0, len(clicking), 16)
    ]
    return Store(
        frame=frame,
        drawn=drawn,
        video=torch.stack(pieces),
        empty=encode_video(video_vae, plain_clips(frame), device),
        steady=encode_sound(audio_vae, steady, frame, device),
        clicks=torch.cat(click_parts),
        click_row={clip: row for row, clip in enumerate(bouncing)},
    )


def save_store(store: Store, name: str, path: Path) -> None:
    """Write the tensors and what is needed to draw the same scenes again."""
    tensors = {key: getattr(store, key) for key in ("video", "empty", "steady", "clicks")}
    torch.save({**tensors, "name": name}, path)


def load_store(path: Path, seed: int = 4) -> Store:
    """Read a store; its scenes are drawn again from the same seed."""
    saved = torch.load(path, weights_only=True)
    name = saved.pop("name")
    generator = np.random.default_rng((seed, sorted(FRAMES).index(name)))
    drawn = [draw_training_scene(generator) for _ in range(len(saved["video"]))]
    bouncing = [index for index, scene in enumerate(drawn) if scene.motion == "bounce"]
    rows = {clip: row for row, clip in enumerate(bouncing)}
    return Store(frame=FRAMES[name], drawn=drawn, click_row=rows, **saved)


def latent_grid(frame: Frame, ratio: int) -> tuple[int, int, int]:
    """Frames, height and width of a clip's latents."""
    return (frame.frames - 1) // TEMPORAL_RATIO + 1, frame.height // ratio, frame.width // ratio
