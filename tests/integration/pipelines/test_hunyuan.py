"""What is ours in HunyuanVideo: the picture that is kept, and attention without a mask."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from diffusers.models.transformers.transformer_hunyuan_video15 import (
    HunyuanVideo15AttnProcessor2_0,
)
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipSpec
from pipelines.stages.denoise import DenoiseStage
from pipelines.stages.encode import EncodeStage

Clip = Callable[..., ClipSpec]


def denoised(checkpoint: Checkpoint, spec: ClipSpec, picture: Image.Image | None = None) -> Any:
    """The latents of the clip."""
    stage = DenoiseStage.load(checkpoint, dtype=torch.float32)
    conditioning = EncodeStage.load(checkpoint, dtype=torch.float32).encode(spec, picture)
    denoising = stage.begin(spec, conditioning)
    while denoising.step < denoising.steps:
        denoising.advance()
    return denoising.latents().tensors["latents"]


@pytest.mark.parametrize("prompt", ["a red ball", 'a ball and the words "a blue cat"'])
@pytest.mark.parametrize("kind", ["hunyuan-1.5-t2v", "hunyuan-1.5-i2v"])
def test_attention_without_padding_equals_a_mask(
    kind: str,
    prompt: str,
    opened: Callable[[str], Checkpoint],
    clip: Clip,
    picture: Image.Image,
) -> None:
    checkpoint = opened(kind)
    shown = picture if kind.endswith("i2v") else None
    spec = replace(clip(checkpoint, has_image=shown is not None, steps=1), prompt=prompt)
    conditioning = EncodeStage.load(checkpoint, dtype=torch.float32).encode(spec, shown)
    stage = DenoiseStage.load(checkpoint, dtype=torch.float32)
    predicted = []
    for _ in range(2):
        denoising = stage.begin(spec, conditioning)
        denoising.advance()
        predicted.append(denoising.latents().tensors["latents"])
        # The second time with what the library does.
        for block in stage._denoiser.pipeline.transformer.transformer_blocks:
            block.attn.set_processor(HunyuanVideo15AttnProcessor2_0())
    worst = (predicted[0] - predicted[1]).abs().max() / predicted[1].abs().max()
    assert worst <= 1e-6


def test_prompts_glyphs_and_pictures_change_the_clip(
    opened: Callable[[str], Checkpoint], clip: Clip, picture: Image.Image
) -> None:
    checkpoint = opened("hunyuan-1.5-i2v")
    spec = clip(checkpoint, has_image=True)
    first = denoised(checkpoint, spec, picture)
    for prompt in ("a blue cat moves", 'a red ball bounces on white "a cat"'):
        other = denoised(checkpoint, replace(spec, prompt=prompt), picture)
        assert not torch.allclose(other, first, atol=1e-5)


def test_the_transformer_sees_the_picture_as_siglip_does(
    opened: Callable[[str], Checkpoint], clip: Clip, picture: Image.Image
) -> None:
    checkpoint = opened("hunyuan-1.5-i2v")
    spec = clip(checkpoint, has_image=True, steps=1)
    conditioning = EncodeStage.load(checkpoint, dtype=torch.float32).encode(spec, picture)
    stage = DenoiseStage.load(checkpoint, dtype=torch.float32)
    seen: list[torch.Tensor] = []
    stage._denoiser.pipeline.transformer.image_embedder.register_forward_pre_hook(
        lambda _, given: seen.append(given[0])
    )
    stage.begin(spec, conditioning).advance()
    assert all(torch.equal(tokens, conditioning.tensors["image_embeds"]) for tokens in seen)
    assert seen[0].shape == (1, 4, 16)
    assert seen[0].std() > 0.1


def test_a_modular_repository_tells_its_kind_by_its_transformer(
    opened: Callable[[str], Checkpoint], clip: Clip, picture: Image.Image, tmp_path: Path
) -> None:
    classic = opened("hunyuan-1.5-i2v")
    pipeline = diffusers.HunyuanVideo15AutoBlocks().init_pipeline(classic.source.name)
    pipeline.load_components()
    pipeline.save_pretrained(str(tmp_path), overwrite_modular_index=True)
    shutil.copy(Path(classic.source.name) / "filmgate.json", tmp_path)
    modular = open_checkpoint(str(tmp_path))
    assert modular.family == classic.family
    spec = clip(classic, has_image=True)
    assert torch.equal(denoised(modular, spec, picture), denoised(classic, spec, picture))
