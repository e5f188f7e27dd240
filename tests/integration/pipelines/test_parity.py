"""The three stages give exactly what the library's own one-piece pipeline gives."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.handoff import Parcel, unpack
from pipelines.media.pictures import fit_picture
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage
from pipelines.stages.denoise import DenoiseStage
from pipelines.stages.encode import EncodeStage

WORKFLOWS = [
    ("ltx2", False),
    ("ltx2", True),
    ("hunyuan-1.5-t2v", False),
    ("hunyuan-1.5-i2v", True),
    ("hunyuan-1.5-meanflow", True),
    ("wan-2.1-t2v", False),
    ("wan-2.1-i2v", True),
    ("wan-2.2-t2v", False),
    ("wan-2.2-i2v", True),
]


def in_one_piece(checkpoint: Checkpoint, spec: ClipSpec, picture: Image.Image | None) -> Any:
    """The library's whole pipeline, loaded and run as its documentation says."""
    family = checkpoint.family
    if family.name == "hunyuan-1.5-i2v":
        return in_one_classic_piece(checkpoint, spec, picture)
    pipeline = getattr(diffusers, family.blocks)().init_pipeline(str(checkpoint.source.folder))
    pipeline.load_components()
    guider = getattr(diffusers, family.guider)
    pipeline.update_components(
        **{
            name: guider(**{"guidance_scale": spec.guidance_scale, **options})
            for name, options in family.guiders.items()
        }
    )
    inputs = {
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt,
        "width": spec.width,
        "height": spec.height,
        "num_frames": spec.num_frames,
        "num_inference_steps": spec.steps,
        "frame_rate": float(spec.fps),
        "max_sequence_length": family.max_sequence_length,
        "generator": torch.Generator("cpu").manual_seed(spec.seed),
        "output_type": "np",
    }
    if picture is not None:
        inputs["image"] = fit_picture(picture, spec.width, spec.height)
    known = set(pipeline.blocks.input_names)
    return pipeline(**{name: value for name, value in inputs.items() if name in known})


def in_one_classic_piece(checkpoint: Checkpoint, spec: ClipSpec, picture: Any) -> Any:
    """The library's pipeline of before the blocks, which lose SigLIP's view of the picture."""
    pipeline = diffusers.HunyuanVideo15ImageToVideoPipeline.from_pretrained(checkpoint.source.name)
    pipeline.guider = diffusers.ClassifierFreeGuidance(guidance_scale=spec.guidance_scale)
    # The size of the input is what the picture is cropped to: it has that of the clip.
    pipeline.video_processor.calculate_default_height_width = lambda **_: (spec.height, spec.width)
    inputs = {
        "image": fit_picture(picture, spec.width, spec.height),
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt,
        "num_frames": spec.num_frames,
        "num_inference_steps": spec.steps,
    }

    def run(output_type: str) -> Any:
        seeded = torch.Generator("cpu").manual_seed(spec.seed)
        return pipeline(**inputs, generator=seeded, output_type=output_type).frames

    return SimpleNamespace(latents=run("latent"), videos=run("np"))


def through(parcel: Parcel) -> Parcel:
    """As the next stage gets it: packed and unpacked."""
    return unpack(parcel.pack(), parcel.kind)


@pytest.mark.parametrize(("kind", "has_image"), WORKFLOWS)
def test_stages_equal_the_librarys_own_pipeline(
    kind: str,
    has_image: bool,
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    picture: Image.Image,
) -> None:
    checkpoint = opened(kind)
    spec = clip(checkpoint, has_image=has_image, negative_prompt="a blue cat", guidance_scale=3.5)
    shown = picture if has_image else None

    encode = EncodeStage.load(checkpoint, dtype=torch.float32)
    denoise = DenoiseStage.load(checkpoint, dtype=torch.float32)
    decode = DecodeStage.load(checkpoint, dtype=torch.float32)
    denoising = denoise.begin(spec, through(encode.encode(spec, shown)))
    while denoising.step < denoising.steps:
        denoising.advance()
    latents = through(denoising.latents())
    footage = decode.decode(spec, latents)

    expected = in_one_piece(checkpoint, spec, shown)
    frames = np.rint(np.asarray(expected.videos[0]) * 255).astype(np.uint8)
    assert footage.video.shape == (spec.num_frames, spec.height, spec.width, 3)
    if checkpoint.family.adapted:
        # Attention without padding adds up in another order than the library's with a mask.
        assert torch.allclose(latents.tensors["latents"], expected.latents, rtol=0, atol=2e-6)
        assert np.abs(footage.video.astype(int) - frames).max() <= 1
    else:
        assert torch.equal(latents.tensors["latents"], expected.latents)
        assert np.array_equal(footage.video, frames)
    assert footage.video.std() > 1
    if checkpoint.family.audio is None:
        assert footage.audio is None
        assert footage.sample_rate is None
    else:
        assert torch.equal(latents.tensors["audio_latents"], expected.audio_latents)
        assert footage.audio is not None
        assert np.array_equal(footage.audio, expected.audio[0].numpy())
        assert footage.sample_rate == 16_000
