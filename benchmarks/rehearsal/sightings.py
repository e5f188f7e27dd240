"""What a rehearsal looks at while it goes on: where the gates stand, and how many jobs live."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select

from serve.jobs.database import Engines
from serve.jobs.gate_status import GATE, GateStatus
from serve.jobs.job import LIVE
from serve.jobs.memory import SqlMemory
from serve.jobs.tables import jobs

EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One look at `at` (Unix seconds): what the Scheduler told last, and the unfinished jobs."""

    at: float
    status: GateStatus
    live: int
    load: float
    """The machine's load average of a minute: whatever else runs on it slows a rehearsal down."""

    @property
    def closed(self) -> tuple[str, ...]:
        """Tiers of which some requests are turned aside."""
        return tuple(tier.name for tier in self.status.tiers if tier.aside > 0)

    @property
    def flips(self) -> Mapping[str, int]:
        """How often each tier's gate has moved."""
        return {tier.name: tier.flips for tier in self.status.tiers}


async def look(engines: Engines) -> Sighting | None:
    """None before the Scheduler has told anything."""
    told = await SqlMemory(engines).recall(GATE)
    if told is None:
        return None
    query = select(func.count().label("live")).where(jobs.c.status.in_(LIVE))
    [row] = await engines.rows(query)
    return Sighting(
        at=time.time(),
        status=GateStatus.from_values(told),
        live=int(row["live"]),
        load=os.getloadavg()[0],
    )


async def watch(engines: Engines, *, until: Callable[[Sighting], bool]) -> list[Sighting]:
    """Looks every half second, the last of them one of which `until` is true."""
    seen: list[Sighting] = []
    while not (seen and until(seen[-1])):
        if sighting := await look(engines):
            seen.append(sighting)
        await asyncio.sleep(EVERY_S)
    return seen
