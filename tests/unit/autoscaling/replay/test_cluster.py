"""Gangs of the replay: work takes its time, in whole steps."""

import pytest

from autoscaling.replay.cluster import Cluster
from autoscaling.replay.jobs import SMALL, START_S, SimJob, seconds_on


def clip() -> SimJob:
    return SimJob(
        number=1,
        arrived_at=0.0,
        rank=1,
        tier="free",
        account_id="a",
        size=SMALL,
        true_gpu_s=150.0,
        slo_scale=10.0,
    )


def test_four_gpus_are_not_four_times_as_fast() -> None:
    assert seconds_on(150.0, 1) == 150.0
    assert seconds_on(150.0, 4) == pytest.approx(43.1, abs=0.01)
    assert clip().deadline == pytest.approx(431.0, abs=0.1)


def test_a_clip_takes_its_time_and_holds_its_gpus() -> None:
    cluster, job = Cluster([1]), clip()
    run = cluster.start(job, cluster.gangs[0])
    assert run.ends_at == START_S + 150.0
    assert cluster.num_free == 0
    cluster.now = run.ends_at
    assert cluster.stop(cluster.gangs[0]) is job
    assert (job.done, job.held_gpu_s, cluster.num_free) == (1.0, 151.0, 1)


def test_a_job_that_is_put_aside_keeps_its_whole_steps() -> None:
    cluster, job = Cluster([1, 4]), clip()
    run = cluster.start(job, cluster.gangs[0])
    assert run.next_step_at(START_S + 31.0) == pytest.approx(START_S + 33.0)
    cluster.now = START_S + 31.0
    cluster.stop(cluster.gangs[0])
    assert job.done == pytest.approx(0.2)
    again = cluster.start(job, cluster.gangs[1])
    assert again.ends_at == pytest.approx(cluster.now + START_S + seconds_on(120.0, 4))
    assert again.left_gpu_s(cluster.now) == pytest.approx(120.0)
    cluster.now = again.ends_at
    assert again.done(cluster.now) == 1.0


def test_the_boundary_of_a_step_is_that_step() -> None:
    cluster, job = Cluster([1]), clip()
    run = cluster.start(job, cluster.gangs[0])
    for step in range(50):
        at = START_S + step * 3.0
        assert run.next_step_at(at) == pytest.approx(at)
        assert run.steps_done(at) == step


def test_a_gang_that_fails_is_gone_until_it_returns() -> None:
    cluster, job = Cluster([4, 4]), clip()
    cluster.start(job, cluster.gangs[0])
    assert cluster.fails(cluster.gangs[0]) is job
    assert cluster.fails(cluster.gangs[1]) is None
    assert (cluster.gpus, cluster.num_free, cluster.free()) == (0, 0, [])
    cluster.returns(cluster.gangs[0])
    assert (cluster.gpus, cluster.num_free) == (4, 1)
    assert cluster.free()[0].num_free == 1
