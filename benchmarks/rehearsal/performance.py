"""One rehearsal with a service that runs: who asks, who watches, and what is there at its end."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from autoscaling.replay.jobs import SimJob
from autoscaling.replay.scenarios import HOUR, Scenario
from benchmarks.rehearsal.asking import Answer, ask_all
from benchmarks.rehearsal.crowd import move_in
from benchmarks.rehearsal.kill import kill_scheduler
from benchmarks.rehearsal.outcome import Rehearsed
from benchmarks.rehearsal.sightings import Sighting, watch
from benchmarks.rehearsal.workload import CROWD
from serve.artifacts.location import open_artifacts
from serve.artifacts.store import CLIP_FILES, ArtifactStore
from serve.jobs.sql_store import SqlJobStore, open_store
from serve.jobs.tables import jobs as job_rows
from serve.settings.sections import Artifacts
from tests.integration.service.running import Service

LEAD_S: Final = 2.0
PATIENCE_S: Final = 30.0
LONGEST: Final = 4.0
"""In lengths of the scenario: what is not done by then is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What happened, and what was seen meanwhile."""

    rehearsed: Rehearsed
    seen: Sequence[Sighting]
    killed_at: float | None


async def perform(
    service: Service,
    jobs: Sequence[SimJob],
    factor: float,
    *,
    kill: bool,
    scenario: Scenario = CROWD,
) -> Performance:
    """All jobs asked for in their time, until each is done."""
    store = open_store(f"sqlite+aiosqlite:///{service.data_dir / 'filmgate.db'}")
    try:
        keys = await move_in(store.engines, jobs)
        began_at = time.time() + LEAD_S
        url = str(service.http.base_url)
        asking = asyncio.create_task(ask_all(url, jobs, keys, began_at=began_at, factor=factor))
        killing = asyncio.create_task(_kill(service, scenario, began_at, factor, wanted=kill))
        ends_at = began_at + LONGEST * scenario.hours * HOUR / factor
        seen = await _watched(store, asking, ends_at)
        answers = await asking
        rehearsed = Rehearsed(
            scenario=scenario,
            factor=factor,
            began_at=began_at,
            jobs=jobs,
            answers=answers,
            flips=seen[-1].flips,
            clips=await _clips(service.data_dir),
            **await _ledger(store, answers),
        )
        return Performance(rehearsed=rehearsed, seen=seen, killed_at=await killing)
    finally:
        await store.close()


async def _watched(
    store: SqlJobStore, asking: asyncio.Task[list[Answer]], ends_at: float
) -> list[Sighting]:
    """Until no job is unfinished, and the Scheduler, telling every other second, has seen it."""
    engines = store.engines
    seen = await watch(
        engines, until=lambda last: asking.done() and (last.live == 0 or last.at > ends_at)
    )
    over_at = seen[-1].at
    return seen + await watch(
        engines,
        until=lambda last: last.status.at > over_at or last.at > over_at + PATIENCE_S,
    )


async def _kill(
    service: Service, scenario: Scenario, began_at: float, factor: float, *, wanted: bool
) -> float | None:
    """In the middle of the flood."""
    if not wanted:
        return None
    [flood] = scenario.surges
    at_h = (flood.begins_h + flood.ends_h) / 2
    return await kill_scheduler(service, at=began_at + at_h * HOUR / factor)


async def _ledger(store: SqlJobStore, answers: Sequence[Answer]) -> dict[str, Any]:
    """What the store says in the end."""
    rows = await store.fetch([answer.job_id for answer in answers if answer.job_id])
    count = select(func.count().label("rows")).select_from(job_rows)
    return {
        "rows": {row.id: row for row in rows},
        "num_rows": int((await store.engines.rows(count))[0]["rows"]),
    }


async def _clips(data_dir: Path) -> Counter[str]:
    artifacts = open_artifacts(Artifacts(), data_dir)
    try:
        return await stored_clips(artifacts)
    finally:
        await artifacts.close()


async def stored_clips(artifacts: ArtifactStore) -> Counter[str]:
    """How many finished videos of each job there are, published or not: each attempt that gets so
    far stores one, below a prefix of its own."""
    keys = [info.key.split("/") for info in await artifacts.list("jobs/")]
    return Counter(
        job_id
        for _, job_id, *rest in keys
        if rest[0] == "clips" and rest[-1] == CLIP_FILES["video"]
    )
