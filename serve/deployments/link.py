"""A Gateway's line to the Scheduler over a Ray Serve handle."""

import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from serve.messages import Answered, JobEvent, Snapshot, StoreErrors

log = logging.getLogger(__name__)
STALE_AFTER_S = 5.0
"""A healthy Scheduler sends a snapshot every second."""


class ServeLink:
    """Implements the Gateway's `SchedulerLink`: the latest snapshot, news, and a nudge."""

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        self._snapshot: Snapshot | None = None
        self._heard_at = 0.0

    def snapshot(self) -> Snapshot | None:
        """The latest snapshot, unless it is too old to be believed."""
        fresh = time.monotonic() - self._heard_at <= STALE_AFTER_S
        return self._snapshot if fresh else None

    def notify(self, job_id: str) -> None:
        """Fire and forget: the Scheduler scans the store every second anyway."""
        self._scheduler.notify.remote(job_id)

    async def report(self, answered: list[Answered]) -> None:
        """What requests were answered, for the policy and the metrics."""
        await self._scheduler.answered.remote(answered)

    async def failed(self, errors: StoreErrors) -> None:
        """How often the stores failed, for the metrics."""
        await self._scheduler.told.remote(errors)

    def silent_s(self) -> float | None:
        """Since the last snapshot; None before the first."""
        return None if self._snapshot is None else time.monotonic() - self._heard_at

    async def events(self) -> AsyncIterator[JobEvent | Snapshot]:
        """One subscription; it ends or raises when the Scheduler goes away."""
        stream = self._scheduler.options(stream=True).watch.remote()
        try:
            async for news in stream:
                for event in news:
                    if isinstance(event, Snapshot):
                        self._snapshot, self._heard_at = event, time.monotonic()
                    yield event
        finally:
            stream.cancel()
