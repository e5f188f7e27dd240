"""What a start tells people about what it starts."""

from pathlib import Path

from serve.plan import plan
from serve.settings import Settings
from serve.settings.replicas import Gangs, Replicas
from serve.settings.sections import Model


def planned(tmp_path: Path, *models: Model) -> str:
    return "\n".join(plan(Settings(data_dir=tmp_path, models=models), "127.0.0.1"))


def test_shapes_are_named_with_their_ranks(tmp_path: Path) -> None:
    said = planned(tmp_path, Model(name="m", gangs=(Gangs(tp=2, min=2), Gangs())))
    assert "2 denoisers of shape tp2 (2 ranks, CPU, 1 threads each)" in said
    assert "and 1 denoiser (CPU, 1 threads each)" in said


def test_where_each_denoiser_runs_is_said(tmp_path: Path) -> None:
    said = planned(tmp_path, Model(name="m", denoiser=Replicas(num_gpus=1, replicas=2)))
    assert "2 denoisers (1 GPU each)" in said


def test_how_many_there_may_be_is_said(tmp_path: Path) -> None:
    model = Model(
        name="m", decoder=Replicas(max_replicas=2), gangs=(Gangs(min=0, max=3), Gangs(tp=2))
    )
    said = planned(tmp_path, model)
    assert "0 to 3 denoisers (CPU" in said
    assert "1 to 2 decoder" in said
