"""What a service offers: a checkpoint's own limits, and what the settings state in their place."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.checkpoint import CheckpointError
from pipelines.families import hunyuan
from pipelines.shapes.configs import shape_from_configs
from pipelines.spec import ClipRequest, ModelLimits, SpecError, resolve
from serve.models import OfferedModel, offered_models, open_checkpoint_of
from serve.settings import Settings, SettingsError
from serve.settings.replicas import Gangs, Replicas
from serve.settings.sections import Model
from tests.checkpoints import build_checkpoint
from tests.full_configs import HUNYUAN, WAN

LTX2 = {
    "model_index.json": {"_class_name": "LTX2Pipeline"},
    "vae/config.json": {"spatial_compression_ratio": 32, "temporal_compression_ratio": 8},
    "transformer/config.json": {"_class_name": "LTX2VideoTransformer3DModel", "num_layers": 48},
}


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    """The small files of a checkpoint; nothing here reads weights."""
    for name, content in LTX2.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content))
    return str(tmp_path)


def limits_with(checkpoint: str, **said: Any) -> ModelLimits:
    model = Model(name="ltx", checkpoint=checkpoint, **said)
    return open_checkpoint_of(model).family.limits


def test_settings_that_say_nothing_change_nothing(checkpoint: str) -> None:
    limits = limits_with(checkpoint)
    assert (limits.default_frames, limits.max_frames, limits.free_sizes) == (121, 481, True)


def test_settings_take_the_place_of_the_models_own_limits(checkpoint: str) -> None:
    sizes = ("640x384", "384x640")
    limits = limits_with(checkpoint, sizes=sizes, max_frames=41, max_steps=20, default_steps=8)
    assert limits.sizes == ((640, 384), (384, 640))
    assert not limits.free_sizes, "only the sizes that the settings offer"
    assert (limits.max_frames, limits.default_frames) == (41, 41)
    assert (limits.max_steps, limits.default_steps) == (20, 8)
    assert limits_with(checkpoint, max_steps=20).default_steps == 20


@pytest.mark.parametrize("frames", [1, 33, 40, 41])
def test_every_clip_within_the_limits_has_frames_that_the_model_can_make(
    checkpoint: str, frames: int
) -> None:
    limits = limits_with(checkpoint, max_frames=41)
    spec = resolve(ClipRequest(prompt="a", num_frames=frames), limits, fresh_seed=0)
    assert spec.num_frames % 8 == 1
    assert spec.num_frames <= 41


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            {"max_frames": 46},
            "model ltx: max_frames must be 8 times a number, plus 1, such as 49; 46 is not",
        ),
        ({"sizes": ("640x384", "650x384")}, "model ltx: every size must be divisible by 32"),
    ],
)
def test_limits_that_the_model_cannot_keep_are_refused_at_the_start(
    checkpoint: str, said: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        limits_with(checkpoint, **said)


def test_a_checkpoint_that_cannot_be_priced_is_named(checkpoint: str) -> None:
    settings = Settings.from_values({"models": [{"name": "ltx", "checkpoint": checkpoint}]})
    with pytest.raises(CheckpointError, match=f"{checkpoint}: the checkpoint's configs have no"):
        offered_models(settings)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            {"tp": 7},
            r"model ltx: gangs\[1\] \(tp7\): .*32 .* cannot be divided by tp 7; use a tp of",
        ),
        ({"cfg": 5}, r"gangs\[1\] \(cfg5\): .*cfg is 5, but .* at most"),
    ],
)
def test_a_gang_that_does_not_divide_the_model_is_refused_at_the_start(
    checkpoint: str, shape: dict[str, int], message: str
) -> None:
    model = {"name": "ltx", "checkpoint": checkpoint, "gangs": [{}, shape]}
    with pytest.raises(SettingsError, match=message):
        offered_models(Settings.from_values({"models": [model]}))


LIMITS = hunyuan.text_to_video(HUNYUAN).limits
LARGE = resolve(
    ClipRequest(prompt="a", width=1280, height=720, num_frames=121), LIMITS, fresh_seed=0
)


def offered(**said: Any) -> OfferedModel:
    """HunyuanVideo, full-size, by its configs alone."""
    return OfferedModel(
        settings=Model(name="hunyuan", checkpoint="a/b", **said),
        limits=LIMITS,
        shape=shape_from_configs(HUNYUAN, text_tokens=1000),
        vae_bytes=2,
    )


def test_nothing_is_refused_before_anybody_knows_the_devices() -> None:
    offered().check_fits(LARGE, {})


def test_what_gangs_have_measured_counts_for_denoising() -> None:
    offered().check_fits(LARGE, {"1": 40 * 2**30})
    with pytest.raises(SpecError, match="of device memory to denoise, and there are 20 GiB"):
        offered().check_fits(LARGE, {"1": 20 * 2**30})


def test_what_the_settings_state_counts_more() -> None:
    stated = offered(denoiser=Replicas(memory_gb=80))
    stated.check_fits(LARGE, {"1": 20 * 2**30})
    with pytest.raises(SpecError, match="to decode"):
        offered(decoder=Replicas(memory_gb=12)).check_fits(LARGE, {})


def test_a_vae_in_float32_counts_where_pictures_are_encoded_too() -> None:
    wan = OfferedModel(
        settings=Model(name="wan", checkpoint="a/b", encoder={"memory_gb": 26}),
        limits=LIMITS,
        shape=shape_from_configs(WAN, text_tokens=512),
        vae_bytes=4,
    )
    clip = dataclasses.replace(LARGE, num_frames=81)
    wan.check_fits(clip, {})
    picture = dataclasses.replace(clip, has_image=True)
    dataclasses.replace(wan, vae_bytes=2).check_fits(picture, {})
    with pytest.raises(SpecError, match="to encode, and there are"):
        wan.check_fits(picture, {})


def test_a_guess_refuses_nobody() -> None:
    guess = dataclasses.replace(offered(), shape=dataclasses.replace(offered().shape, exact=False))
    guess.check_fits(LARGE, {"1": 2**30})


def test_one_shape_of_gang_with_room_is_enough() -> None:
    gangs = (Gangs(), Gangs(tp=4, ulysses=2))
    both = offered(denoiser=Replicas(memory_gb=20), gangs=gangs)
    assert both.shapes_for(LARGE, {}) == [gangs[1].shape]
    both.check_fits(LARGE, {})
    with pytest.raises(SpecError, match=r"to denoise, and there are 9\.31 GiB"):
        offered(denoiser=Replicas(memory_gb=10), gangs=gangs[:1]).check_fits(LARGE, {})


def test_each_shape_of_gang_has_the_devices_it_told_of() -> None:
    both = offered(gangs=(Gangs(), Gangs(tp=2)))
    single, pair = (gangs.shape for gangs in both.settings.gangs)
    told = {"1": 20 * 2**30, "tp2": 80 * 2**30}
    assert both.shapes_for(LARGE, told) == [pair]
    both.check_fits(LARGE, told)
    assert both.shapes_for(LARGE, {"1": 80 * 2**30, "tp2": 2**30}) == [single]
    assert both.shapes_for(LARGE, {"tp2": 80 * 2**30}) == [single, pair], "nobody knows of 1"


def test_a_refusal_speaks_of_the_shape_with_the_most_room() -> None:
    both = offered(gangs=(Gangs(), Gangs(tp=2)))
    with pytest.raises(SpecError, match="and there are 20 GiB"):
        both.check_fits(LARGE, {"1": 20 * 2**30, "tp2": 4 * 2**30})


def test_a_clip_with_too_few_tokens_to_share_goes_elsewhere_or_is_refused() -> None:
    tiny = resolve(ClipRequest(prompt="a", width=32, height=16, num_frames=1), LIMITS, fresh_seed=0)
    gangs = (Gangs(ulysses=4), Gangs(ulysses=2))
    offered(gangs=gangs).check_fits(tiny, {})
    assert offered(gangs=gangs).shapes_for(tiny, {}) == [gangs[1].shape]
    with pytest.raises(SpecError, match=r"has 2 tokens, .* ulysses 4 .* at least 4") as refused:
        offered(gangs=gangs[:1]).check_fits(tiny, {})
    assert (refused.value.param, refused.value.code) == ("size", "too_small_to_divide")


def test_devices_too_small_for_the_default_clip_are_refused_at_the_start(tmp_path: Path) -> None:
    folder = build_checkpoint("wan-2.1-t2v", tmp_path / "wan")
    model = {"name": "wan", "checkpoint": str(folder), "denoiser": {"memory_gb": 0.5}}
    with pytest.raises(SettingsError, match=r"model wan: memory_gb is too little .*to denoise"):
        offered_models(Settings.from_values({"models": [model]}))
    model["denoiser"] = {"memory_gb": 8}
    offered_models(Settings.from_values({"models": [model]}))
