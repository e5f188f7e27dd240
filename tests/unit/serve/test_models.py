"""What a service offers: a checkpoint's own limits, and what the settings state in their place."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.checkpoint import CheckpointError
from pipelines.spec import ClipRequest, ModelLimits, resolve
from serve.models import offered_models, open_checkpoint_of
from serve.settings import Settings, SettingsError
from serve.settings.sections import Model

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
