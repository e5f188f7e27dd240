"""Every way to divide a denoiser gives the clip of one rank, in real processes over gloo."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.handoff import Parcel
from pipelines.parallel.shape import GangShape
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage
from pipelines.stages.denoise import DenoiseStage, Denoising
from pipelines.stages.encode import EncodeStage
from tests.integration.pipelines.gang_ranks import (
    CHECKPOINT_STEP,
    Job,
    RankResult,
    denoise_in_gangs,
)

TP2, TP2_CFG2 = GangShape(tp=2), GangShape(tp=2, cfg=2)
CFG2, ULYSSES2 = GangShape(cfg=2), GangShape(ulysses=2)
OTHERS = (
    GangShape(tp=4),
    CFG2,
    GangShape(cfg=3),
    GangShape(cfg=4),
    ULYSSES2,
    GangShape(tp=2, ulysses=2),
    GangShape(cfg=2, ulysses=2),
)
KINDS = {
    "ltx2": (("ltx2", True), ("ltx2-gated", False)),
    "wan": (("wan-2.1-t2v", False), ("wan-2.1-i2v", True), ("wan-2.2-t2v", False)),
    "hunyuan": (("hunyuan-1.5-t2v", False), ("hunyuan-1.5-meanflow", True)),
}
MOST_ERROR, LEAST_PSNR_DB = 1e-4, 50.0
CLIP = {"guidance_scale": 3.0, "steps": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """The same job on one rank."""

    job: Job
    checkpoint: Checkpoint
    stage: DenoiseStage
    latents: Parcel


def finish(denoising: Denoising) -> Parcel:
    while denoising.step < denoising.steps:
        denoising.advance()
    return denoising.latents()


@pytest.fixture
def alone(
    opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec], picture: Image.Image
) -> Callable[..., Alone]:
    def run(kind: str, has_image: bool, **asked: object) -> Alone:
        checkpoint = opened(kind)
        spec = clip(checkpoint, has_image=has_image, **{**CLIP, **asked})
        encode = EncodeStage.load(checkpoint, dtype=torch.float32)
        conditioning = encode.encode(spec, picture if has_image else None)
        stage = DenoiseStage.load(checkpoint, dtype=torch.float32)
        return Alone(
            job=Job(
                name=f"{kind}-{spec.width}x{spec.height}",
                source=checkpoint.source.name,
                spec=spec,
                conditioning=conditioning,
            ),
            checkpoint=checkpoint,
            stage=stage,
            latents=finish(stage.begin(spec, conditioning)),
        )

    return run


def assert_same_clip(alone: Alone, gang: Iterable[RankResult]) -> None:
    first, *others = gang
    for name, expected in alone.latents.tensors.items():
        got = first.latents.tensors[name]
        error = (got - expected).abs().max() / expected.abs().max()
        assert error <= MOST_ERROR, f"{name} differs by {error:.1e}"
        for other in others:
            assert torch.equal(other.latents.tensors[name], got), f"ranks differ in {name}"
    decode = DecodeStage.load(alone.checkpoint, dtype=torch.float32)
    one = decode.decode_video(alone.job.spec, alone.latents)
    divided = decode.decode_video(alone.job.spec, first.latents)
    assert psnr_db(one, divided) >= LEAST_PSNR_DB


def psnr_db(one: np.ndarray, other: np.ndarray) -> float:
    squares = float(np.square(one.astype(float) - other.astype(float)).mean())
    return 10 * math.log10(255**2 / squares) if squares else math.inf


def assert_resumes_alone(alone: Alone, checkpoint: Parcel) -> None:
    """A gang's checkpoint, taken up by a single rank."""
    denoising = alone.stage.resume(alone.job.spec, checkpoint)
    assert denoising.step == CHECKPOINT_STEP
    for name, tensor in finish(denoising).tensors.items():
        expected = alone.latents.tensors[name]
        assert (tensor - expected).abs().max() / expected.abs().max() <= MOST_ERROR


@pytest.mark.timeout(600)
@pytest.mark.parametrize("family", KINDS)
def test_tensor_parallel_gangs_make_the_same_clip(
    family: str, alone: Callable[..., Alone], tmp_path: Path
) -> None:
    references = [alone(kind, has_image) for kind, has_image in KINDS[family]]
    jobs = [reference.job for reference in references]
    results = denoise_in_gangs(tmp_path, jobs, (TP2, TP2_CFG2))
    for reference in references:
        for shape in (TP2, TP2_CFG2):
            assert_same_clip(reference, results[reference.job.name, shape])
        gang = results[reference.job.name, TP2]
        assert_resumes_alone(reference, gang[0].checkpoint)
        dealt = results[reference.job.name, TP2_CFG2]
        assert sum(rank.passes for rank in dealt) <= 2 * gang[0].passes + 2 * CLIP["steps"]
        assert max(rank.passes for rank in dealt) < gang[0].passes


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("family", KINDS)
def test_all_other_gangs_make_the_same_clip(
    family: str, alone: Callable[..., Alone], tmp_path: Path
) -> None:
    references = [alone(kind, has_image) for kind, has_image in KINDS[family]]
    if family != "hunyuan":
        # 27 tokens, which two ranks cannot share evenly.
        odd = {"width": 48, "height": 48, "num_frames": 9}
        references.append(alone(KINDS[family][0][0], False, **odd))
    jobs = [reference.job for reference in references]
    shapes = [shape for shape in OTHERS if possible(family, shape)]
    results = denoise_in_gangs(tmp_path, jobs, shapes)
    for reference in references:
        for shape in shapes:
            assert_same_clip(reference, results[reference.job.name, shape])
        # Each pass is computed by one group as by a single rank.
        dealt = results[reference.job.name, CFG2]
        for name, tensor in dealt[0].latents.tensors.items():
            assert torch.equal(tensor, reference.latents.tensors[name])
        if ULYSSES2 in shapes:
            whole = dealt[0].tokens
            shares = [rank.tokens for rank in results[reference.job.name, ULYSSES2]]
            assert shares == [whole - whole // 2, whole // 2]


def possible(family: str, shape: GangShape) -> bool:
    """What `check_shape` does not refuse: tests/unit/pipelines/parallel/test_fit.py."""
    if shape.ulysses > 1 and family == "hunyuan":
        return False
    return shape.cfg <= 2 or family == "ltx2"
