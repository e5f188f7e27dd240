"""A small flash crowd at the real service with sleeping stages, whose Scheduler is killed in it."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from autoscaling.replay.arrivals import SIZES
from benchmarks.rehearsal.compression import settings_values
from benchmarks.rehearsal.kill import forgot
from benchmarks.rehearsal.outcome import doubled, forgotten, moved_promises
from benchmarks.rehearsal.outline import true_size
from benchmarks.rehearsal.performance import perform
from benchmarks.rehearsal.workload import CROWD, FLOOD, workload
from tests.integration.service.running import REHEARSE, Service

FACTOR = 60.0
SHORT = replace(CROWD, hours=0.5, load=1.0, surges=(replace(FLOOD, begins_h=0.05, ends_h=0.45),))


@pytest.mark.slow
def test_a_killed_scheduler_forgets_nobody_in_a_flood(fresh_folder: Path) -> None:
    values = settings_values(fresh_folder / "outline", FACTOR)
    sizes = {size.name: true_size(values, size, factor=FACTOR) for size in SIZES}
    jobs = workload(3, sizes, SHORT)
    service = Service(fresh_folder, values, log_level="INFO", command=REHEARSE)
    try:
        service.start()
        over = asyncio.run(perform(service, jobs, FACTOR, kill=True, scenario=SHORT))
    finally:
        service.stop()
    assert over.killed_at is not None
    assert over.seen[-1].status.epoch > over.seen[0].status.epoch
    assert forgotten(over.rehearsed) == []
    assert doubled(over.rehearsed) == 0
    assert moved_promises(over.rehearsed) == 0
    assert any(row.promised_by for row in over.rehearsed.rows.values())
    assert forgot(over.seen) == 0
