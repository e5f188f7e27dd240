"""The clips that the overlays offer fit the GPUs that their pods ask for."""

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.sizing import HUNYUAN_SHAPE, LTX2_SHAPE, WAN22_SHAPE, clip
from pipelines.cost import Stage
from pipelines.memory import Room, peak_bytes
from serve.pools import StagePool, pools_of
from serve.settings import Settings
from serve.settings.sections import Model
from tests.unit.k8s.assembling import Manifest
from tests.unit.k8s.placing import options_of
from tests.unit.k8s.pods import groups, ray_service
from tests.unit.k8s.serve_config import config_of, settings_of

PRODUCTS = {"NVIDIA-L40S": 48 * 10**9, "NVIDIA-H100-80GB-HBM3": 80 * 10**9}
SHAPES = {"ltx-2": LTX2_SHAPE, "wan-2.2": WAN22_SHAPE, "hunyuan-1.5": HUNYUAN_SHAPE}
CLIPS = {  # sizes that are offered by default, where the settings name none
    "ltx-2": ("1920x1088", 121),
    "wan-2.2": ("1280x720", 81),
    "hunyuan-1.5": ("1280x720", 121),
}
WIDE_VAE = ("wan-2.2",)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_DATABASE__URL", "postgresql+asyncpg://someone@somewhere/filmgate")


def too_large(service: Manifest, settings: Settings) -> Iterator[str]:
    for pool in pools_of(settings):
        model = next(model for model in settings.models if model.name == pool.model)
        peak, room = need(pool, model), room_of(service, settings, pool, model)
        if not room.holds(peak):
            yield f"{pool.name} needs {peak / 1e9:.0f} GB of {(room.num_bytes or 0) / 1e9:.0f}"


def need(pool: StagePool, model: Model) -> int:
    """Decoding is in tiles where it must be."""
    size, frames = CLIPS[model.name]
    width, _, height = size.partition("x")
    largest = clip(int(width), int(height), frames, **_anything())
    room = _room(pool.stage, model, None)
    return peak_bytes(SHAPES[model.name], largest, pool.stage, room, tiled=pool.stage == "decode")


def room_of(service: Manifest, settings: Settings, pool: StagePool, model: Model) -> Room:
    """Of the GPU of the group whose resource the pool asks for, or of its part of one."""
    actor = options_of(pool, settings)["ray_actor_options"]
    (resource,) = actor["resources"]
    (spec,) = (
        group["template"]["spec"]
        for group in groups(service).values()
        if resource in group.get("resources", {})
    )
    product = PRODUCTS[spec["nodeSelector"]["nvidia.com/gpu.product"]]
    return _room(pool.stage, model, round(product * min(actor["num_gpus"], 1)))


def _room(stage: Stage, model: Model, num_bytes: int | None) -> Room:
    (gangs,) = model.shapes
    return Room(
        num_bytes=num_bytes,
        value_bytes=2,
        vae_value_bytes=4 if model.name in WIDE_VAE else 2,
        tp=gangs.tp if stage == "denoise" else 1,
    )


def _anything() -> dict[str, Any]:
    return {"fps": 24, "steps": 30, "guidance_scale": 3.0, "sound": True}


@pytest.mark.parametrize("name", ["prod", "multi-model"])
def test_every_stage_has_room(all_overlays: dict[str, list[Manifest]], name: str) -> None:
    service = ray_service(all_overlays[name])
    assert list(too_large(service, settings_of(config_of(service)))) == []


def test_smaller_gpus_are_noticed(prod: list[Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    service = ray_service(prod)
    monkeypatch.setitem(PRODUCTS, "NVIDIA-H100-80GB-HBM3", 24 * 10**9)
    (found,) = too_large(service, settings_of(config_of(service)))
    assert found.startswith("Denoiser-ltx-2-tp2-cfg2 needs")
