"""Large clips are decoded in tiles and small ones are not; the frames are nearly the same."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from pipelines.checkpoint import Checkpoint
from pipelines.handoff import Parcel
from pipelines.memory import MARGIN, RESERVED_BYTES, peak_bytes
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage
from pipelines.stages.denoise import DenoiseStage
from pipelines.stages.encode import EncodeStage

KINDS = ["ltx2", "hunyuan-1.5-t2v", "wan-2.1-t2v"]
SMALL_TILES: dict[str, dict[str, Any]] = {
    "ltx2": {"tile_sample_min_height": 64, "tile_sample_min_width": 64}
    | {"tile_sample_stride_height": 32, "tile_sample_stride_width": 32},
    "hunyuan-1.5-t2v": {"tile_sample_min_height": 48, "tile_sample_min_width": 48}
    | {"tile_latent_min_height": 12, "tile_latent_min_width": 12, "tile_overlap_factor": 0.5},
    "wan-2.1-t2v": {"tile_sample_min_height": 64, "tile_sample_min_width": 64}
    | {"tile_sample_stride_height": 32, "tile_sample_stride_width": 32},
}


def latents_of(checkpoint: Checkpoint, spec: ClipSpec) -> Parcel:
    conditioning = EncodeStage.load(checkpoint, dtype=torch.float32).encode(spec)
    denoising = DenoiseStage.load(checkpoint, dtype=torch.float32).begin(spec, conditioning)
    while denoising.step < denoising.steps:
        denoising.advance()
    return denoising.latents()


def stage_with_room_for(checkpoint: Checkpoint, kind: str, spec: ClipSpec) -> DecodeStage:
    """A decoder whose memory is just enough for `spec` in one piece, with tiles of a tiny size."""
    rule = DecodeStage.load(checkpoint, dtype=torch.float32, memory_bytes=1)._tiling
    assert rule.shape is not None
    needed = peak_bytes(rule.shape, spec, "decode", rule.room) * MARGIN + RESERVED_BYTES
    stage = DecodeStage.load(checkpoint, dtype=torch.float32, memory_bytes=round(needed) + 1)
    vae = stage._video.vae
    vae.enable_tiling(**SMALL_TILES[kind])
    vae.disable_tiling()
    return stage


@pytest.mark.parametrize("kind", KINDS)
def test_large_clips_go_in_tiles_and_small_ones_in_one_piece(
    kind: str,
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = opened(kind)
    large = clip(checkpoint, width=96, height=96, steps=1)
    small = dataclasses.replace(large, width=64, height=32)
    stage = stage_with_room_for(checkpoint, kind, small)
    tiled: list[bool] = []
    real = stage._video.vae.tiled_decode

    def noted(*given: Any, **options: Any) -> Any:
        tiled.append(True)
        return real(*given, **options)

    monkeypatch.setattr(stage._video.vae, "tiled_decode", noted)
    latents = latents_of(checkpoint, large)
    in_tiles = stage.decode_video(large, latents)
    assert tiled == [True]
    stage.decode_video(small, latents_of(checkpoint, small))
    assert tiled == [True]
    whole = DecodeStage.load(checkpoint, dtype=torch.float32).decode_video(large, latents)
    assert in_tiles.shape == whole.shape
    # Tiles see no further than their edges, and random weights look far; overlaps are blended.
    assert np.corrcoef(in_tiles.ravel(), whole.ravel())[0, 1] > 0.8


def test_running_out_of_memory_falls_back_to_tiles_once(
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = opened("wan-2.1-t2v")
    spec = clip(checkpoint, steps=1)
    latents = latents_of(checkpoint, spec)
    stage = DecodeStage.load(checkpoint, dtype=torch.float32)
    real, fails = stage._video.vae.decode, [False]

    def decode(*given: Any, **options: Any) -> Any:
        if fails[0] or not stage._video.vae.use_tiling:
            raise torch.OutOfMemoryError("no room")
        return real(*given, **options)

    monkeypatch.setattr(stage._video.vae, "decode", decode)
    expected = DecodeStage.load(checkpoint, dtype=torch.float32).decode_video(spec, latents)
    assert np.array_equal(stage.decode_video(spec, latents), expected)
    fails[0] = True
    with pytest.raises(torch.OutOfMemoryError):
        stage.decode_video(spec, latents)
