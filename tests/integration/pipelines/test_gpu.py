"""What only a GPU can show: real offloading, real kernels, a gang over NCCL."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.handoff import Parcel
from pipelines.parallel.shape import GangShape
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage, Footage
from pipelines.stages.denoise import DenoiseStage
from pipelines.stages.encode import EncodeStage
from pipelines.tuning.attention import EXACT, KERNELS, AttentionUnavailable
from tests.integration.pipelines.gang_ranks import Job, denoise_in_gangs

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
CARD = "cuda"
MOST_ERROR = 1e-3
"""Relative, in float32: cuDNN may round convolutions to TF32, and ranks add in another order."""


def conditioning_of(
    checkpoint: Checkpoint, spec: ClipSpec, picture: Image.Image, **options: Any
) -> Parcel:
    return EncodeStage.load(checkpoint, **options).encode(spec, picture if spec.has_image else None)


def latents_of(stage: DenoiseStage, spec: ClipSpec, conditioning: Parcel) -> Parcel:
    denoising = stage.begin(spec, conditioning)
    while denoising.step < denoising.steps:
        denoising.advance()
    return denoising.latents()


def clip_of(checkpoint: Checkpoint, spec: ClipSpec, picture: Image.Image, mode: Any) -> Footage:
    options: dict[str, Any] = {"dtype": torch.float32, "device": CARD, "offload": mode}
    conditioning = conditioning_of(checkpoint, spec, picture, **options)
    latents = latents_of(DenoiseStage.load(checkpoint, **options), spec, conditioning)
    return DecodeStage.load(checkpoint, **options).decode(spec, latents)


@pytest.mark.parametrize("kind", ["ltx2", "hunyuan-1.5-i2v", "wan-2.1-i2v", "wan-2.2-t2v"])
def test_offloaded_stages_make_the_same_clip(
    kind: str,
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    picture: Image.Image,
) -> None:
    checkpoint = opened(kind)
    spec = clip(checkpoint, has_image=checkpoint.family.limits.image != "none")
    plain = clip_of(checkpoint, spec, picture, "none").video.astype(int)
    for mode in ("model", "group"):
        moved = clip_of(checkpoint, spec, picture, mode).video.astype(int)
        assert np.abs(moved - plain).max() <= 1


@pytest.mark.parametrize("asked", ["auto", *KERNELS])
def test_kernels_work_or_are_refused_with_those_that_do(
    asked: str,
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    picture: Image.Image,
) -> None:
    checkpoint = opened("wan-2.1-t2v")
    options: dict[str, Any] = {"dtype": torch.bfloat16, "device": CARD}
    stage = DenoiseStage.load(checkpoint, **options)
    kernel, refusal = "", ""
    try:
        kernel = stage.use_attention(asked)
    except AttentionUnavailable as error:
        refusal = str(error)
    if not kernel:
        assert asked not in ("auto", "native"), "these work on every device"
        assert "auto and native" in refusal
        return
    assert kernel in (EXACT if asked == "auto" else KERNELS[asked])
    spec = clip(checkpoint, steps=2)
    latents = latents_of(stage, spec, conditioning_of(checkpoint, spec, picture, **options))
    assert all(torch.isfinite(tensor).all() for tensor in latents.tensors.values())


@pytest.mark.timeout(600)
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="a gang needs two GPUs")
@pytest.mark.parametrize(
    "shape", [GangShape(tp=2), GangShape(cfg=2), GangShape(ulysses=2)], ids=str
)
def test_a_gang_over_nccl_makes_the_clip_of_one_rank(
    shape: GangShape,
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    picture: Image.Image,
    tmp_path: Path,
) -> None:
    checkpoint = opened("wan-2.1-t2v")
    spec = clip(checkpoint, guidance_scale=3.0, steps=4)
    options: dict[str, Any] = {"dtype": torch.float32, "device": CARD}
    conditioning = conditioning_of(checkpoint, spec, picture, **options)
    stage = DenoiseStage.load(checkpoint, **options)
    stage.use_attention("native")
    alone = latents_of(stage, spec, conditioning)
    job = Job(name="one", source=checkpoint.source.name, spec=spec, conditioning=conditioning)
    gang = denoise_in_gangs(tmp_path, [job], [shape], kind="cuda")["one", shape]
    for name, tensor in alone.tensors.items():
        expected = tensor.cpu()
        got = [rank.latents.tensors[name] for rank in gang]
        assert (got[0] - expected).abs().max() / expected.abs().max() <= MOST_ERROR
        assert torch.equal(got[0], got[1]), f"ranks differ in {name}"
