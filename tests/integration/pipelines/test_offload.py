"""Offloaded stages make the same clips: every family, with a CPU that stands in for the device."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage
from pipelines.stages.denoise import DenoiseStage
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
    denoising = DenoiseStage.load(checkpoint, **options).begin(spec, conditioning)
    while denoising.step < denoising.steps:
        denoising.advance()
    return DecodeStage.load(checkpoint, **options).decode(spec, denoising.latents())


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
