"""A cluster that is too small is named, with what is missing and what would do."""

from pathlib import Path

import pytest

from serve.resources import check_resources, wanted_cpus
from serve.service import ServiceError
from serve.settings import Settings
from serve.settings.replicas import Gangs, Replicas
from serve.settings.sections import Model

NODES = [{"CPU": 4.0, "GPU": 2.0}, {"CPU": 4.0}]


def settings_with(tmp_path: Path, stage: Replicas, *gangs: Gangs) -> Settings:
    return Settings(data_dir=tmp_path, models=(Model(name="m", denoiser=stage, gangs=gangs),))


def test_every_rank_of_every_gang_counts(tmp_path: Path) -> None:
    others = 2 * 0.25 + 2 * 0.1  # encoder and decoder; Scheduler and Gateway
    gangs = (Gangs(tp=2, cfg=2, min=2), Gangs(min=3))
    assert wanted_cpus(settings_with(tmp_path, Replicas())) == pytest.approx(0.25 + others)
    assert wanted_cpus(settings_with(tmp_path, Replicas(num_cpus=1), *gangs)) == pytest.approx(
        2 * 4 + 3 + others
    )


def test_what_fits_is_let_through(tmp_path: Path) -> None:
    check_resources(settings_with(tmp_path, Replicas(num_gpus=1), Gangs(tp=2)), NODES)


@pytest.mark.parametrize(
    ("stage", "gangs", "words"),
    [
        (Replicas(num_gpus=3), (), "3 GPUs and the cluster has 2"),
        (Replicas(num_cpus=9), (), r"9\.7 logical CPUs and the cluster has 8: raise ray\.num_cpus"),
        (Replicas(num_gpus=1), (Gangs(tp=2, min=2),), "4 GPUs and the cluster has 2"),
        (
            Replicas(num_cpus=1.5),
            (Gangs(tp=4),),
            r"gang tp4 has 4 ranks of 1\.5 logical CPUs each on one node, 6 in all, .* has 4:",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, stage: Replicas, gangs: tuple[Gangs, ...], words: str
) -> None:
    with pytest.raises(ServiceError, match=words):
        check_resources(settings_with(tmp_path, stage, *gangs), NODES)


def test_the_ranks_of_a_gang_need_one_node(tmp_path: Path) -> None:
    nodes = [{"CPU": 8.0, "GPU": 2.0}] * 2
    with pytest.raises(ServiceError, match=r"gang tp4 has 4 ranks of 1 GPUs .*largest node has 2"):
        check_resources(settings_with(tmp_path, Replicas(num_gpus=1), Gangs(tp=4)), nodes)
