"""What a rehearsal looks at while it goes on: where the gates stand, and how many jobs live."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select

from serve.jobs.job import LIVE
from serve.jobs.sql_store import SqlJobStore
from serve.jobs.tables import counters, jobs

EVERY_S: Final = 0.5
MEMORY: Final = "policy"
"""Under this name the Scheduler keeps what it has learnt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One look; `closed`, `flips` and `levels` by tier, as the Scheduler last stored them."""

    at: float
    epoch: int
    live: int
    closed: Mapping[str, bool]
    flips: Mapping[str, int]
    levels: Mapping[str, float | None]


async def look(store: SqlJobStore) -> Sighting | None:
    """None before the Scheduler has stored anything."""
    plain = await store.recall(MEMORY)
    if plain is None:
        return None
    tiers: dict[str, Any] = plain["watch"]["tiers"]
    return Sighting(
        at=time.time(),
        epoch=await _epoch(store),
        live=await num_live(store),
        closed={name: tier["gate"]["closed"] for name, tier in tiers.items()},
        flips={name: tier["gate"]["flips"] for name, tier in tiers.items()},
        levels={name: tier["saturation"][1] for name, tier in tiers.items()},
    )


async def num_live(store: SqlJobStore) -> int:
    """Jobs that wait, run or are promised."""
    query = select(func.count().label("live")).where(jobs.c.status.in_(LIVE))
    return int((await store.engines.rows(query))[0]["live"])


async def watch(store: SqlJobStore, *, until: Callable[[Sighting], bool]) -> list[Sighting]:
    """Looks every half second, the last of them one of which `until` is true."""
    seen: list[Sighting] = []
    while not (seen and until(seen[-1])):
        if sighting := await look(store):
            seen.append(sighting)
        await asyncio.sleep(EVERY_S)
    return seen


async def _epoch(store: SqlJobStore) -> int:
    query = select(counters.c.value).where(counters.c.name == "epoch")
    return int((await store.engines.rows(query))[0]["value"])
