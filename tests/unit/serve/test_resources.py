"""A cluster that is too small is named, with what is missing and what would do."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.resources import check_resources, wanted_cpus
from serve.service import ServiceError
from serve.settings import Settings
from serve.settings.replicas import Gangs, Replicas
from serve.settings.sections import Model, RayCluster

NODES = [{"CPU": 4.0, "GPU": 2.0}, {"CPU": 4.0}]
TRIO = [{"CPU": 8.0, "GPU": 3.0}] * 2


def settings_with(tmp_path: Path, stage: Replicas, *gangs: Gangs) -> Settings:
    return Settings(data_dir=tmp_path, models=(Model(name="m", denoiser=stage, gangs=gangs),))


def test_every_rank_of_every_gang_counts(tmp_path: Path) -> None:
    others = 2 * 0.25 + 2 * 0.1  # encoder and decoder; Scheduler and Gateway
    gangs = (Gangs(tp=2, cfg=2, min=2), Gangs(min=3))
    assert wanted_cpus(settings_with(tmp_path, Replicas())) == pytest.approx(0.25 + others)
    assert wanted_cpus(settings_with(tmp_path, Replicas(num_cpus=1), *gangs)) == pytest.approx(
        2 * 4 + 3 + others
    )


def test_replicas_that_may_come_count_where_room_is_made_for_them(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, Replicas(num_cpus=1), Gangs(tp=2, min=1, max=3), Gangs())
    assert wanted_cpus(settings, at_most=True) - wanted_cpus(settings) == pytest.approx(2 * 2)


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


def test_gangs_that_only_the_sums_have_room_for_are_named(tmp_path: Path) -> None:
    one_gpu = Replicas(num_gpus=1)
    check_resources(settings_with(tmp_path, one_gpu, Gangs(tp=2, min=2), Gangs(min=2)), TRIO)
    with pytest.raises(
        ServiceError,
        match=r"model m, gangs of shape tp2: only 2 of 3 find a node .* needs 2 GPUs and 0\.5 "
        r"logical CPUs on one node, and the nodes have 3, 3 GPUs and 8, 8 logical CPUs",
    ):
        check_resources(settings_with(tmp_path, one_gpu, Gangs(tp=2, min=3)), TRIO)


def test_what_has_the_gpus_must_have_the_cpus_beside_them(tmp_path: Path) -> None:
    nodes = [{"CPU": 1.0, "GPU": 2.0}, {"CPU": 8.0}]
    rank = Replicas(num_gpus=1, num_cpus=0.5)
    check_resources(settings_with(tmp_path, rank, Gangs(tp=2)), nodes)
    apart = [{"CPU": 1.0, "GPU": 1.0}, {"CPU": 0.6, "GPU": 1.0}, {"CPU": 8.0}]
    with pytest.raises(ServiceError, match="gangs of shape 1: only 1 of 2 find a node"):
        check_resources(
            settings_with(tmp_path, Replicas(num_gpus=1, num_cpus=0.8), Gangs(min=2)), apart
        )


def test_a_stage_too_large_for_every_node_is_named(tmp_path: Path) -> None:
    model = Model(name="m", encoder=Replicas(num_gpus=4).model_dump())
    with pytest.raises(ServiceError, match="model m, encoder: only 0 of 1 find a node"):
        check_resources(Settings(data_dir=tmp_path, models=(model,)), TRIO)


def test_what_is_pinned_needs_nodes_that_have_what_it_is_pinned_to(tmp_path: Path) -> None:
    rank = Replicas(num_cpus=0.5, resources={"gang": 1})
    settings = settings_with(tmp_path, rank, Gangs(tp=2, min=2))
    check_resources(settings, [{"CPU": 8.0}, {"CPU": 2.0, "gang": 4.0}])
    with pytest.raises(
        ServiceError,
        match=r"tp2: only 1 of 2 find .* 2 `gang` on one node, .* and 0, 3 `gang`, some of it",
    ):
        check_resources(settings, [{"CPU": 8.0}, {"CPU": 8.0, "gang": 3.0}])
    control = RayCluster(control_resources={"control": 0.5})
    with pytest.raises(ServiceError, match=r"the Scheduler: only 0 of 1 find .* `control`"):
        check_resources(Settings(data_dir=tmp_path, ray=control), NODES)


@given(st.lists(st.sampled_from([1, 2, 4, 8]), min_size=1, max_size=12), st.integers(1, 3))
def test_sizes_that_divide_each_other_find_every_room_there_is(
    sizes: list[int], num_nodes: int
) -> None:
    """Sums decide alone then: no room is lost between gangs."""
    nodes = [{"CPU": 100.0, "GPU": 8.0}] * num_nodes
    gangs = tuple(Gangs(tp=size, min=sizes.count(size)) for size in sorted(set(sizes)))
    settings = settings_with(Path("unused"), Replicas(num_gpus=1), *gangs)
    if sum(sizes) <= 8 * num_nodes:
        check_resources(settings, nodes)
    else:
        with pytest.raises(ServiceError, match="GPUs and the cluster has"):
            check_resources(settings, nodes)
