"""Conditioning: what it depends on, and encoding several prompts in one run."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.spec import ClipSpec
from pipelines.stages.encode import EncodeStage
from tests.sample_pictures import encoded, gradient

PICTURE, OTHER = encoded(gradient(40), "PNG"), encoded(gradient(41), "PNG")


def stage_of(checkpoint: Checkpoint, dtype: torch.dtype = torch.float32) -> EncodeStage:
    return EncodeStage.load(checkpoint, dtype=dtype)


@pytest.mark.parametrize("kind", ["ltx2", "wan-2.1-t2v", "wan-2.2-t2v", "hunyuan-1.5-t2v"])
def test_prompts_encoded_together_come_out_as_alone(
    kind: str, opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]
) -> None:
    checkpoint = opened(kind)
    stage, spec = stage_of(checkpoint), clip(checkpoint, negative_prompt="a blue cat")
    number = stage.neutral_batch(spec, 3)
    assert number > 1, "else this test shows nothing"
    prompts = ("a red ball", "green", "a cat moves on white")
    specs = [replace(spec, prompt=prompt) for prompt in prompts[:number]]
    together = stage.encode_together(specs)
    assert [one.pack() for one in together] == [stage.encode(spec).pack() for spec in specs]


def test_a_batch_that_changes_a_bit_is_not_used(
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = opened("wan-2.1-t2v")
    stage, spec = stage_of(checkpoint), clip(checkpoint)
    together = EncodeStage.encode_together

    def rounded(self: EncodeStage, specs: list[ClipSpec]) -> list[object]:
        parcels = together(self, specs)
        if len(specs) > 2:
            parcels[-1].tensors["prompt_embeds"].view(-1)[0] += 1e-6
        return list(parcels)

    monkeypatch.setattr(EncodeStage, "encode_together", rounded)
    assert stage.neutral_batch(spec, 4) == 2


def test_blocks_that_take_one_prompt_at_a_time_get_one(
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = opened("wan-2.1-t2v")
    stage, spec = stage_of(checkpoint), clip(checkpoint)

    def refuse(*_: object) -> None:
        raise ValueError("one prompt, please")

    monkeypatch.setattr(EncodeStage, "encode_together", refuse)
    assert stage.neutral_batch(spec, 4) == 1


def test_a_key_has_what_conditioning_depends_on_and_no_more(
    opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]
) -> None:
    checkpoint = opened("ltx2")
    stage, spec = stage_of(checkpoint), clip(checkpoint)
    key = stage.key(spec)
    for same in ({"seed": 9}, {"steps": 9}, {"guidance_scale": 9.0}, {"width": 32, "height": 64}):
        assert stage.key(replace(spec, **same)) == key, same  # type: ignore[arg-type]
    for other in ({"prompt": "a cat"}, {"negative_prompt": "a cat"}):
        assert stage.key(replace(spec, **other)) != key, other  # type: ignore[arg-type]
    assert stage_of(checkpoint, torch.bfloat16).key(spec) != key
    longer = replace(checkpoint, family=replace(checkpoint.family, max_sequence_length=8))
    assert stage_of(longer).key(spec) != key


@pytest.mark.parametrize("kind", ["ltx2", "wan-2.1-i2v", "wan-2.2-i2v", "hunyuan-1.5-i2v"])
def test_with_a_picture_it_has_the_picture_and_the_size(
    kind: str, opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]
) -> None:
    checkpoint = opened(kind)
    stage, spec = stage_of(checkpoint), clip(checkpoint, has_image=True)
    key = stage.key(spec, PICTURE)
    assert stage.key(spec, PICTURE) == key
    assert stage.key(spec, OTHER) != key
    turned = replace(spec, width=spec.height, height=spec.width)
    assert stage.key(turned, PICTURE) != key
    assert spec.prompt not in key


@pytest.mark.parametrize("kind", ["ltx2", "wan-2.1-i2v", "wan-2.2-i2v", "hunyuan-1.5-i2v"])
def test_equal_keys_are_equal_conditioning(
    kind: str,
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    picture: Image.Image,
) -> None:
    """What a key leaves out, encoding leaves out."""
    checkpoint = opened(kind)
    stage, spec = stage_of(checkpoint), clip(checkpoint, has_image=True)
    other = replace(spec, seed=9, steps=2, guidance_scale=7.0)
    assert stage.key(spec, PICTURE) == stage.key(other, PICTURE)
    assert stage.encode(spec, picture).pack() == stage.encode(other, picture).pack()
