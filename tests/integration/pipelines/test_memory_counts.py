"""The memory rule against what the full-size models hold on the meta device, byte by byte."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry

from pipelines.memory import Room, peak_bytes
from pipelines.shapes.shape import ModelShape
from pipelines.spec import ClipSpec
from tests.counting import built, peak_live_bytes, shape_of, spec
from tests.integration.pipelines.test_cost_flops import run_ltx2
from tests.integration.pipelines.test_hunyuan_flops import one_pass
from tests.model_configs import (
    FULL_HUNYUAN,
    FULL_LTX2,
    FULL_WAN,
    HUNYUAN_CLASSES,
    LTX2_CLASSES,
    WAN_CLASSES,
)

FAMILIES: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "ltx2": (LTX2_CLASSES, FULL_LTX2, 1024),
    "wan": (WAN_CLASSES, FULL_WAN, 512),
    "hunyuan": (HUNYUAN_CLASSES, FULL_HUNYUAN, 1000),
}


@pytest.fixture(autouse=True)
def kernels_that_keep_no_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the meta device torch spells attention out; a device's kernels hold the result alone."""
    backends = {
        **_AttentionBackendRegistry._backends,
        AttentionBackendName.NATIVE: lambda query, **_: torch.empty_like(query),
    }
    monkeypatch.setattr(_AttentionBackendRegistry, "_backends", backends)


def model(family: str, part: str, dtype: torch.dtype) -> tuple[Any, ModelShape]:
    classes, configs, text_tokens = FAMILIES[family]
    models = built(classes, configs)
    return models[part].to(dtype), shape_of(models, text_tokens)


def wan_pass(transformer: Any, clip: ClipSpec) -> Callable[[], Any]:
    frames = (clip.num_frames - 1) // 4 + 1
    return lambda: transformer(
        hidden_states=torch.zeros(1, 16, frames, clip.height // 8, clip.width // 8),
        timestep=torch.zeros(1),
        encoder_hidden_states=torch.zeros(1, 512, 4096),
    )


@pytest.mark.parametrize(
    ("family", "clip"),
    [
        ("ltx2", spec(768, 512, 121)),
        ("ltx2", spec(1280, 704, 121, has_image=True)),
        ("wan", spec(832, 480, 81, fps=16)),
        ("wan", spec(1280, 720, 81, fps=16)),
        ("hunyuan", spec(848, 480, 121)),
    ],
)
def test_denoising(family: str, clip: ClipSpec) -> None:
    transformer, shape = model(family, "transformer", torch.float32)
    latents = ((clip.num_frames - 1) // 4 + 1, clip.height // 16, clip.width // 16)
    run = {
        "ltx2": lambda: run_ltx2(transformer, shape, clip),
        "wan": lambda: wan_pass(transformer, clip),
        "hunyuan": lambda: lambda: one_pass(transformer, clip, latents),
    }[family]()
    measured = peak_live_bytes(run, transformer)
    weights = 4 * shape.transformer.parameters
    room = Room(num_bytes=None, value_bytes=4, vae_value_bytes=4)
    predicted = peak_bytes(shape, clip, "denoise", room) - weights
    assert 0.95 < predicted / measured < 1.35


@pytest.mark.parametrize(
    ("family", "clip", "dtype"),
    [
        ("ltx2", spec(768, 512, 121), torch.bfloat16),
        ("ltx2", spec(1280, 704, 241), torch.bfloat16),
        ("wan", spec(832, 480, 81), torch.float32),
        ("hunyuan", spec(256, 256, 121), torch.bfloat16),
    ],
)
def test_decoding(family: str, clip: ClipSpec, dtype: torch.dtype) -> None:
    vae, shape = model(family, "vae", dtype)
    side, stride = shape.decoder.levels[0].space, shape.decoder.levels[0].time
    frames, channels = (clip.num_frames - 1) // stride + 1, {"ltx2": 128, "wan": 16, "hunyuan": 32}
    size = (1, channels[family], frames, clip.height // side, clip.width // side)
    latents = torch.zeros(size, device="meta", dtype=dtype)
    measured = peak_live_bytes(lambda: vae.decode(latents), vae)
    room = Room(num_bytes=None, value_bytes=2, vae_value_bytes=dtype.itemsize)
    weights = dtype.itemsize * shape.decoder.parameters
    predicted = peak_bytes(shape, clip, "decode", room) - weights
    assert 0.95 < predicted / measured < 1.35


def test_encoding_a_picture() -> None:
    """Wan encodes as many frames as the clip has, in float32."""
    vae, shape = model("wan", "vae", torch.float32)
    clip = spec(832, 480, 33, has_image=True)
    frames = torch.zeros((1, 3, clip.num_frames, clip.height, clip.width), device="meta")
    measured = peak_live_bytes(lambda: vae.encode(frames), vae) + frames.nbytes
    room = Room(num_bytes=None, value_bytes=2, vae_value_bytes=4)
    text = peak_bytes(shape, dataclasses.replace(clip, has_image=False), "encode", room)
    predicted = peak_bytes(shape, clip, "encode", room) - text - 4 * shape.decoder.parameters
    assert 0.95 < predicted / measured < 1.5
