"""What becomes of a job whose attempt did not publish a clip."""

import logging
from collections.abc import Callable
from dataclasses import replace

from serve.artifacts.store import ArtifactStore
from serve.attempts.attempt import Attempt
from serve.attempts.breaks import reason_of
from serve.attempts.history import interrupted
from serve.attempts.start_over import start_over
from serve.attempts.suspension import Suspension, note_of
from serve.jobs.job import Failure, Job, Phase, noted
from serve.jobs.store import Fence, Ledger
from serve.messages import JobFault

log = logging.getLogger(__name__)
UNSOUND = "unsound_output"
"""What a stage fails a job with that made no picture, twice."""


class AttemptEnd:
    """Back in the queue from its last durable checkpoint, or failed with a stated reason."""

    def __init__(
        self,
        ledger: Ledger,
        artifacts: ArtifactStore,
        *,
        max_crashes: int,
        lost: Callable[[Job, int], None] = lambda _job, _steps: None,
    ) -> None:
        """`lost` hears of finished steps that will be done again."""
        self._ledger = ledger
        self._artifacts = artifacts
        self._max_crashes = max_crashes
        self._lost = lost

    async def interrupted(self, attempt: Attempt, now: float) -> None:
        """The gang let go of it, as it was told to or as its lease ran out: not the job's fault."""
        await self._settle_step(attempt, now)
        stored = replace(attempt.job, step=attempt.saved_step)
        if await self._ledger.requeue(
            attempt.fence,
            now=now,
            crashed=False,
            gave_way=attempt.suspension is Suspension.GIVES_WAY,
            history=noted(attempt.job.history, note_of(attempt.suspension, stored, now)),
        ):
            self._lost(attempt.job, attempt.job.step - attempt.saved_step)

    async def overdue(self, attempt: Attempt, limit_s: float, now: float) -> None:
        """It has been in progress longer than the settings allow."""
        failure = Failure(
            code="run_time_exceeded",
            message=f"The job ran for more than {limit_s:g} s and was stopped.",
        )
        await self._fail(attempt, failure, now)

    async def broken(self, attempt: Attempt, error: BaseException, now: float) -> None:
        """A replica died, or a stage raised. The same point may break it `max_crashes` times.

        What is the job's own fault fails it at once; but frames are made once more from step 0.
        """
        if isinstance(error, JobFault):
            unsound_frames = error.code == UNSOUND and attempt.job.phase is Phase.DECODE
            if not unsound_frames or not await self._starts_over(attempt, now):
                await self._fail(attempt, Failure(code=error.code, message=error.message), now)
            return
        await self._settle_step(attempt, now)
        job = attempt.job
        crashes = 1 if attempt.saved_step > job.crash_step else job.crashes + 1
        if crashes < self._max_crashes:
            stored = replace(job, step=attempt.saved_step)
            note = interrupted(stored, now, reason="crashed")
            if await self._ledger.requeue(
                attempt.fence, now=now, crashed=True, history=noted(job.history, note)
            ):
                self._lost(job, job.step - attempt.saved_step)
            return
        died = reason_of(error) in ("died", "silent")
        failure = Failure(
            code="worker_crashed" if died else "generation_failed",
            message=(
                f"The {'worker died' if died else 'model failed'} {crashes} times at the same "
                f"point ({job.phase or 'start'}, after step {attempt.saved_step}). "
                "The job was given up; the operator's log has the cause."
            ),
        )
        await self._fail(attempt, failure, now)

    async def unserved(self, job: Job, now: float) -> None:
        """No stage of its model exists here: the settings have changed since it was accepted."""
        failure = Failure(
            code="model_unavailable",
            message=f"The model {job.model} is no longer offered by this service.",
        )
        fence = Fence(job_id=job.id, epoch=job.epoch, attempt=job.attempt)
        await self._ledger.fail(fence, now=now, failure=failure)

    async def _starts_over(self, attempt: Attempt, now: float) -> bool:
        """False if it has been made once more already, or is to be no longer."""
        again = await start_over(attempt, self._ledger, self._artifacts, now)
        if again:
            self._lost(attempt.job, attempt.job.step)
        return again

    async def _fail(self, attempt: Attempt, failure: Failure, now: float) -> None:
        await self._ledger.fail(attempt.fence, now=now, failure=failure, timings=attempt.timings)

    async def _settle_step(self, attempt: Attempt, now: float) -> None:
        """Progress is what is durable: steps after the last checkpoint will be done again."""
        if attempt.job.phase is not None:
            await self._ledger.advance(
                attempt.fence,
                phase=attempt.job.phase,
                step=attempt.saved_step,
                now=now,
                timings=attempt.timings,
            )
