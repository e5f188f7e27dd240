"""A Scheduler that is killed in the midst of the flood, and what the next one remembers."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, Protocol

from benchmarks.rehearsal.sightings import Sighting
from benchmarks.report import Row
from tests.integration.service.running import Service

DEPLOYMENT: Final = "Scheduler"


async def kill_scheduler(service: Service, *, at: float) -> float:
    """kill -9 of its replica at that Unix second; when it was done."""
    await asyncio.sleep(max(0.0, at - time.time()))
    replica = await asyncio.to_thread(service.replica, DEPLOYMENT)
    replica.kill()
    return time.time()


class Seen(Protocol):
    """A rehearsal that was looked at while it went on; `killed_at` in Unix seconds, or None."""

    @property
    def seen(self) -> Sequence[Sighting]: ...

    @property
    def killed_at(self) -> float | None: ...


def kill_rows(over: Seen) -> Iterator[Row]:
    """How long nobody scheduled, and whether the gates stayed as they were; nothing of a rehearsal
    in which nobody was killed."""
    if over.killed_at is None:
        return
    before = [sight for sight in over.seen if sight.at < over.killed_at][-1]
    after = [sight for sight in over.seen if sight.status.epoch > before.status.epoch]
    gap_s = after[0].at - over.killed_at if after else None
    yield Row(
        what="until the next scheduler",
        value=gap_s,
        unit="s",
        note="" if after else "none came",
    )
    yield Row(
        what="gates as they were before the kill",
        value=float(bool(after) and after[0].closed == before.closed),
        unit="1 is yes",
        note=f"closed then: {', '.join(before.closed) or 'none'}",
    )
    yield Row(what="gates that forgot how often they moved", value=forgot(over.seen), unit="")


def forgot(seen: Sequence[Sighting]) -> int:
    """A gate that was reset has moved less often than before."""
    return sum(
        later.flips[tier] < earlier.flips[tier]
        for earlier, later in pairwise(seen)
        for tier in earlier.flips
    )
