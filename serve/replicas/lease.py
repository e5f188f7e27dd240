"""A gang's side of its lease: it goes on only while a scheduler keeps telling it to."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace

from serve.messages import DenoiseOrder, Holding, LeaseAnswer

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Held:
    holding: Holding
    on_lost: Callable[[], None]


class LeaseHolder:
    """Reports every `period_s`.

    The lease is lost, and the job stopped after its step, when the scheduler is of a newer epoch,
    does not know the attempt, or has been silent for `timeout_s`.
    """

    def __init__(
        self,
        ask: Callable[[Holding | None], Awaitable[LeaseAnswer]],
        *,
        period_s: float,
        timeout_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._period_s = period_s
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._held: _Held | None = None
        self._now = asyncio.Event()

    @contextlib.contextmanager
    def holding(
        self, order: DenoiseOrder, step: int, *, on_lost: Callable[[], None]
    ) -> Iterator[None]:
        """Hold a job inside this block; `on_lost` is called once if the lease is lost."""
        holding = Holding(job_id=order.job_id, epoch=order.epoch, attempt=order.attempt, step=step)
        self._held = _Held(holding, on_lost)
        try:
            yield
        finally:
            self._held = None
            self._now.set()

    def stepped(self, step: int) -> None:
        """The job held has finished a step."""
        if self._held:
            self._held.holding = replace(self._held.holding, step=step)

    async def run(self) -> None:
        """Report until cancelled; a job that ends is reported at once."""
        heard_at = self._monotonic()
        while True:
            held = self._held
            if await self._report(held):
                heard_at = self._monotonic()
            elif self._monotonic() - heard_at >= self._timeout_s:
                self._lose(held, "no scheduler has answered")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._now.wait(), self._period_s)
            self._now.clear()

    async def _report(self, held: _Held | None) -> bool:
        """One report; whether a scheduler that counts has answered it."""
        try:
            answer = await asyncio.wait_for(
                self._ask(held.holding if held else None), self._timeout_s
            )
        except Exception as error:
            log.warning("lease report failed: %s", type(error).__name__)
            return False
        if held and answer.epoch < held.holding.epoch:
            return False  # a scheduler that was replaced and does not know it yet
        if held and not answer.keep:
            self._lose(held, f"the scheduler of epoch {answer.epoch} has given it up")
        return True

    def _lose(self, held: _Held | None, reason: str) -> None:
        if held and held is self._held:
            log.warning(
                "stopping after this step: %s", reason, extra={"job_id": held.holding.job_id}
            )
            held.on_lost()
