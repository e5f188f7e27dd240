"""Offloaded stages make the same clips: every family, with a CPU that stands in for the device."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.handoff import Parcel
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage
from pipelines.stages.denoise import DenoiseStage, Denoising
from pipelines.stages.encode import EncodeStage
from pipelines.tuning import offload
from pipelines.tuning.offload import OffloadUnavailable, place, stream_layers, take_turns

KINDS = ["ltx2", "hunyuan-1.5-i2v", "wan-2.1-i2v", "wan-2.2-t2v"]
HERE = torch.device("cpu")


def put_in_place(models: Any, device: torch.device, mode: str) -> None:
    """As `place`, without its refusal of a CPU."""
    if mode == "model":
        take_turns(models, device)
    for model in models if mode == "group" else ():
        stream_layers(model, device)


def clip_of(checkpoint: Checkpoint, spec: ClipSpec, picture: Image.Image, mode: Any) -> Any:
    shown = picture if spec.has_image else None
    options: dict[str, Any] = {"dtype": torch.float32, "offload": mode}
    conditioning = EncodeStage.load(checkpoint, **options).encode(spec, shown)
    latents = finish(DenoiseStage.load(checkpoint, **options).begin(spec, conditioning))
    return DecodeStage.load(checkpoint, **options).decode(spec, latents)


def finish(denoising: Denoising) -> Parcel:
    while denoising.step < denoising.steps:
        denoising.advance()
    return denoising.latents()


@contextmanager
def no_room(stage: DenoiseStage) -> Iterator[None]:
    """While a step is under way, in the last block of the transformer."""

    def refuse(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    (*_, block) = blocks(stage)
    hook = block.register_forward_pre_hook(refuse)
    with pytest.raises(torch.OutOfMemoryError):
        yield
    hook.remove()


def blocks(stage: DenoiseStage) -> list[torch.nn.Module]:
    transformer = stage._denoiser.pipeline.transformer
    return list(getattr(transformer, "blocks", None) or transformer.transformer_blocks)


def streamed(stage: DenoiseStage) -> list[bool]:
    """Of each block, whether it comes and goes."""
    hooks = [getattr(block, "_diffusers_hook", None) for block in blocks(stage)]
    return [hook is not None and bool(hook.hooks) for hook in hooks]


@pytest.mark.parametrize("kind", KINDS)
def test_offloaded_stages_make_the_same_clip(
    kind: str,
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    picture: Image.Image,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = opened(kind)
    spec = clip(checkpoint, has_image=checkpoint.family.limits.image != "none")
    plain = clip_of(checkpoint, spec, picture, "none")
    monkeypatch.setattr("pipelines.stages.components.place", put_in_place)
    for mode in ("model", "group"):
        moved = clip_of(checkpoint, spec, picture, mode)
        assert (moved.video == plain.video).all()
        assert plain.audio is None or (moved.audio == plain.audio).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_without_room_goes_on_with_streamed_layers_and_the_next_one_as_before(
    kind: str,
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    picture: Image.Image,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = opened(kind)
    spec = clip(checkpoint, has_image=checkpoint.family.limits.image != "none")
    encode = EncodeStage.load(checkpoint, dtype=torch.float32)
    conditioning = encode.encode(spec, picture if spec.has_image else None)
    plain = DenoiseStage.load(checkpoint, dtype=torch.float32)
    expected = finish(plain.begin(spec, conditioning)).tensors
    for module in ("components", "denoise"):
        monkeypatch.setattr(f"pipelines.stages.{module}.place", put_in_place)
    for mode in ("none", "model"):
        stage = DenoiseStage.load(checkpoint, dtype=torch.float32, offload=mode)
        denoising = stage.begin(spec, conditioning)
        denoising.advance()
        kept = denoising.checkpoint()
        with no_room(stage):
            denoising.advance()
        stage.use_offload("group")
        assert all(streamed(stage))
        found = [finish(stage.resume(spec, kept))]
        with no_room(stage):
            stage.begin(spec, conditioning).advance()
        stage.use_offload(mode)
        assert not any(streamed(stage))
        found.append(finish(stage.begin(spec, conditioning)))
        for latents in found:
            assert all(torch.equal(latents.tensors[name], expected[name]) for name in expected)


@pytest.mark.parametrize("mode", ["model", "group"])
def test_a_stage_on_the_cpu_offloads_nothing(
    mode: Any, opened: Callable[[str], Checkpoint]
) -> None:
    with pytest.raises(OffloadUnavailable, match=f"{mode} moves.*use offload: none"):
        DecodeStage.load(opened("wan-2.1-t2v"), dtype=torch.float32, offload=mode)


class Seen(torch.nn.Linear):
    """Notes where it is sent."""

    def __init__(self) -> None:
        super().__init__(2, 2)
        self.at: list[str] = []

    def to(self, device: Any) -> "Seen":  # type: ignore[override]
        self.at.append(str(device))
        return self


def test_models_take_turns_on_the_device() -> None:
    first, second = Seen(), Seen()
    take_turns([first, second], torch.device("cpu", 0))
    for model in (first, second, first):
        model(torch.zeros(2))
    assert first.at == ["cpu:0", "cpu", "cpu:0"]
    assert second.at == ["cpu", "cpu:0", "cpu"]


def test_without_offloading_all_go_to_the_device() -> None:
    model = Seen()
    place([model], HERE, "none")
    assert model.at == ["cpu"]


def test_a_layer_whose_weights_others_read_comes_with_its_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole: list[Any] = []
    monkeypatch.setattr(offload, "take_turns", lambda models, device: whole.extend(models))
    siglip_like = torch.nn.Sequential(torch.nn.MultiheadAttention(4, 2), torch.nn.Linear(4, 4))
    stream_layers(siglip_like, HERE)
    stream_layers(torch.nn.Sequential(torch.nn.Linear(4, 4)), HERE)
    assert whole == [siglip_like]
