"""Handles of a model's stages that answer as a test tells them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from pipelines.spec import ClipSpec
from serve.attempts.attempt import StageHandles
from serve.messages import Decoded, StepEvent
from tests.unit.serve.attempts.scene import Reply


class Stream:
    """A handle's stream: events, then maybe an error."""

    def __init__(self, events: Sequence[StepEvent], error: Exception | None) -> None:
        self._events, self._error = events, error
        self.cancelled = False

    async def __aiter__(self) -> AsyncIterator[StepEvent]:
        for one in self._events:
            yield one
        if self._error:
            raise self._error

    def cancel(self) -> None:
        self.cancelled = True


class Stages:
    """Handles that answer as told."""

    def __init__(self, events: Sequence[StepEvent], error: Exception | None = None) -> None:
        self.stream = Stream(events, error)
        self.decoded: list[str] = []
        self.endless = False
        self.decoding, self.stopped = asyncio.Event(), asyncio.Event()
        self.handles = StageHandles(encoder=self, denoisers={"1": self}, decoder=self)
        self.encode = self.denoise = self.decode = self

    def options(self, **_: Any) -> "Stages":
        return self

    def remote(self, *args: Any) -> Any:
        match args:
            case (str(), ClipSpec()):
                return Reply(self._encode())
            case (str(job_id), int(), ClipSpec()):
                return Reply(self._decode(job_id))
        return self.stream

    async def _encode(self) -> None:
        return None

    async def _decode(self, job_id: str) -> Decoded:
        self.decoded.append(job_id)
        self.decoding.set()
        try:
            await asyncio.sleep(3600 if self.endless else 0)
        except asyncio.CancelledError:
            self.stopped.set()
            raise
        return Decoded(prefix=f"jobs/{job_id}/clips/1/", seconds=0.25)
