"""What is asked for in a rehearsal, and in the replay beside it."""

from pathlib import Path

import pytest

from autoscaling.replay.arrivals import SIZES
from autoscaling.replay.jobs import Size
from autoscaling.replay.measures import measure
from benchmarks.rehearsal.compression import settings_values
from benchmarks.rehearsal.outline import true_size
from benchmarks.rehearsal.sleeping import SEEDS_OF_LUCK
from benchmarks.rehearsal.workload import CROWD, FLOOD, luck, replayed, workload

PLAIN = {size.name: size for size in SIZES}


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Size]:
    folder: Path = tmp_path_factory.mktemp("outline")
    values = settings_values(folder, 30.0)
    return {size.name: true_size(values, size, factor=30.0) for size in SIZES}


def test_a_few_hundred_jobs_come_most_of_them_in_the_flood(sizes: dict[str, Size]) -> None:
    jobs = workload(1, sizes)
    assert 200 < len(jobs) < 500
    in_flood = [
        job for job in jobs if FLOOD.begins_h * 3600 <= job.arrived_at < FLOOD.ends_h * 3600
    ]
    asked = sum(job.size.gpu_s for job in in_flood) / (FLOOD.ends_h - FLOOD.begins_h) / 3600
    assert 1.5 < asked / CROWD.gpus < 2.5
    assert all(job.account_id.startswith("acct_") for job in jobs)


def test_both_rungs_get_the_same_errors_of_prediction(sizes: dict[str, Size]) -> None:
    jobs = workload(1, sizes)
    assert all(luck(job) in SEEDS_OF_LUCK for job in jobs)
    assert all(job.true_gpu_s == pytest.approx(job.size.gpu_s * luck(job) / 1_000) for job in jobs)
    assert len({luck(job) for job in jobs}) > 100


def test_the_replay_leaves_the_jobs_as_they_were(sizes: dict[str, Size]) -> None:
    jobs = workload(1, PLAIN)
    first = measure(replayed(jobs), 2)
    assert all(job.finished_at is None for job in jobs)
    again = measure(replayed(jobs), 2)
    assert again == first
    assert first.tiers["pro"]["slo_arrival"] > first.tiers["new"]["slo_arrival"]
