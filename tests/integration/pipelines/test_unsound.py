"""A model that goes wrong is noticed before its clip is stored, by the stage that sees it first."""

from collections.abc import Callable

import pytest
import torch

from pipelines.checkpoint import Checkpoint
from pipelines.handoff import Parcel
from pipelines.soundness import UnsoundLatents
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage
from pipelines.stages.denoise import DenoiseStage, Denoising
from pipelines.stages.encode import EncodeStage


@pytest.fixture
def denoising(opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]) -> Denoising:
    checkpoint = opened("wan-2.1-t2v")
    spec = clip(checkpoint, steps=2)
    stage = DenoiseStage.load(checkpoint, dtype=torch.float32)
    conditioning = EncodeStage.load(checkpoint, dtype=torch.float32).encode(spec)
    return stage.begin(spec, conditioning)


def test_a_weight_that_is_no_number_spoils_the_next_checkpoint(denoising: Denoising) -> None:
    denoising.advance()
    denoising.checkpoint()
    with torch.no_grad():
        denoising._pipeline.transformer.proj_out.bias.fill_(float("nan"))
    denoising.advance()
    with pytest.raises(UnsoundLatents, match="latents are not finite"):
        denoising.checkpoint()
    with pytest.raises(UnsoundLatents, match="latents are not finite"):
        denoising.latents()


def test_latents_without_a_picture_are_not_handed_on(denoising: Denoising) -> None:
    while denoising.step < denoising.steps:
        denoising.advance()
    denoising._variables.latents = torch.zeros_like(denoising._variables.latents)
    with pytest.raises(UnsoundLatents, match="same value everywhere"):
        denoising.latents()


@pytest.mark.parametrize(("bias", "fault"), [(float("nan"), "picture is not finite"), (9, "blank")])
def test_a_decoder_that_makes_no_picture_is_noticed(
    bias: float,
    fault: str,
    denoising: Denoising,
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
) -> None:
    while denoising.step < denoising.steps:
        denoising.advance()
    latents: Parcel = denoising.latents()
    stage = DecodeStage.load(opened("wan-2.1-t2v"), dtype=torch.float32)
    with torch.no_grad():
        stage._video.vae.decoder.conv_out.bias.fill_(bias)
    with pytest.raises(UnsoundLatents, match=fault):
        stage.decode(clip(opened("wan-2.1-t2v"), steps=2), latents)
