"""What Ray Serve is told of each deployment."""

from pathlib import Path

from serve.deployments.options import gang_options
from serve.settings import Settings
from serve.settings.replicas import Gangs, Replicas
from serve.settings.sections import Model


def test_the_ranks_of_a_gang_are_together(tmp_path: Path) -> None:
    stage = Replicas(num_cpus=0.5, num_gpus=1)
    gangs = (Gangs(tp=2, cfg=2, min=3), Gangs())
    settings = Settings(data_dir=tmp_path, models=(Model(name="m", denoiser=stage, gangs=gangs),))
    many, one = (gang_options(settings.models[0], each, settings) for each in gangs)
    assert (many["name"], many["num_replicas"]) == ("Denoiser-m-tp2-cfg2", 3)
    assert many["placement_group_bundles"] == [{"CPU": 0.5, "GPU": 1.0}] * 4
    assert many["placement_group_strategy"] == "STRICT_PACK"
    assert (one["name"], one["num_replicas"]) == ("Denoiser-m-1", 1)
    assert "placement_group_bundles" not in one
