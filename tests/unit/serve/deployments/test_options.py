"""What Ray Serve is told of each deployment."""

from pathlib import Path
from typing import Any

from serve.deployments.options import (
    gang_options,
    gateway_options,
    scheduler_options,
    stage_options,
)
from serve.pools import pools_of
from serve.settings import Settings
from serve.settings.capacity import Capacity
from serve.settings.replicas import Gangs, Replicas
from serve.settings.sections import Http, Model, RayCluster


def options(settings: Settings) -> dict[str, Any]:
    (model,) = settings.models
    made = [scheduler_options(settings), gateway_options(settings)]
    for pool in pools_of(settings):
        if pool.stage == "denoise":
            made.append(gang_options(pool, model.denoiser, settings))
        else:
            made.append(stage_options(pool, getattr(model, f"{pool.stage}r"), settings))
    return {each["name"]: each for each in made}


def test_the_ranks_of_a_gang_are_together(tmp_path: Path) -> None:
    model = Model(
        name="m",
        denoiser=Replicas(num_cpus=0.5, num_gpus=1),
        gangs=(Gangs(tp=2, cfg=2, min=3), Gangs()),
    )
    made = options(Settings(data_dir=tmp_path, models=(model,)))
    many, one = made["Denoiser-m-tp2-cfg2"], made["Denoiser-m-1"]
    assert many["num_replicas"] == 3
    assert many["placement_group_bundles"] == [{"CPU": 0.5, "GPU": 1.0}] * 4
    assert many["placement_group_strategy"] == "STRICT_PACK"
    assert one["num_replicas"] == 1
    assert "placement_group_bundles" not in one
    assert not any("autoscaling_config" in each for each in made.values())


def test_each_part_is_pinned_to_the_nodes_it_is_meant_for(tmp_path: Path) -> None:
    rank = Replicas(num_cpus=1, num_gpus=1, resources={"gang": 1})
    model = Model(name="m", denoiser=rank, gangs=(Gangs(tp=2), Gangs()))
    settings = Settings(
        data_dir=tmp_path,
        models=(model,),
        ray=RayCluster(control_resources={"control": 0.1}),
        http=Http(gateways=2, gateways_per_node=1),
    )
    made = options(settings)
    of = {name: each["ray_actor_options"]["resources"] for name, each in made.items()}
    assert of["Denoiser-m-1"] == of["Denoiser-m-tp2"] == {"gang": 1}
    assert (
        made["Denoiser-m-tp2"]["placement_group_bundles"] == [{"CPU": 1, "GPU": 1, "gang": 1}] * 2
    )
    assert of["Scheduler"] == of["Gateway"] == {"control": 0.1}
    assert of["Encoder-m"] == {}
    assert made["Gateway"]["max_replicas_per_node"] == 1


def test_where_some_may_grow_serve_is_told_the_bounds_of_all(tmp_path: Path) -> None:
    model = Model(name="m", may_sleep=True, denoiser=Replicas(replicas=2, max_replicas=4))
    made = options(Settings(data_dir=tmp_path, models=(model,), capacity=Capacity()))
    assert not any("num_replicas" in each for each in made.values())
    bounds = {
        name: [
            each["autoscaling_config"].get(f"{which}_replicas")
            for which in ("min", "initial", "max")
        ]
        for name, each in made.items()
    }
    assert bounds == {
        "Scheduler": [1, None, 1],
        "Gateway": [1, None, 1],
        "Encoder-m": [0, 1, 1],
        "Denoiser-m-1": [0, 2, 4],
        "Decoder-m": [0, 1, 1],
    }
