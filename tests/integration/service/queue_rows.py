"""Rows of a running service's queue, put there and looked at past its HTTP API."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from pipelines.spec import ClipSpec
from serve.jobs.job import Job, Status
from serve.jobs.sql_store import SqlJobStore, open_store
from tests.integration.service.running import Service, until

T = TypeVar("T")
CLIP = ClipSpec(
    prompt="a red ball",
    negative_prompt="",
    width=96,
    height=96,
    num_frames=17,
    fps=8,
    steps=4,
    guidance_scale=3.0,
    seed=11,
    sound=True,
    has_image=False,
)


class QueueRows:
    """Jobs of any account and tier, as a Gateway stores them."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def ask(self, question: Callable[[SqlJobStore], Awaitable[T]]) -> T:
        """The answer of the service's own database."""

        async def answer() -> T:
            store = open_store(f"sqlite+aiosqlite:///{self._service.data_dir / 'filmgate.db'}")
            try:
                return await question(store)
            finally:
                await store.close()

        return asyncio.run(answer())

    def put(self, job_id: str, *, tier: str = "free", steps: int = 4, **fields: Any) -> str:
        """A queued job, submitted now."""
        job = Job(
            id=job_id,
            account_id=fields.pop("account_id", job_id),
            tier=tier,
            model="filmgate-tiny",
            spec=replace(CLIP, steps=steps),
            status=Status.QUEUED,
            created_at=time.time(),
            predicted_gpu_s=1.0,
            **fields,
        )
        self.ask(lambda store: store.insert(job, max_waiting=100))
        return job_id

    def get(self, *job_ids: str) -> list[Job]:
        rows = {job.id: job for job in self.ask(lambda store: store.fetch(list(job_ids)))}
        return [rows[job_id] for job_id in job_ids]

    def wait(self, job_id: str, holds: Callable[[Job], bool], what: str) -> Job:
        """The job, once that is so."""

        def found() -> Job | None:
            (job,) = self.get(job_id)
            return job if holds(job) else None

        return until(found, f"{job_id} {what}")

    def at_step(self, job_id: str, step: int) -> Job:
        return self.wait(job_id, lambda job: job.step >= step, f"at step {step}")

    def finished(self, *job_ids: str) -> list[Job]:
        """All of them, completed."""
        jobs = [self.wait(job_id, lambda job: job.ended, "to end") for job_id in job_ids]
        assert {job.status for job in jobs} == {Status.COMPLETED}, jobs
        return jobs

    def clip(self, job: Job) -> bytes:
        path = self._service.data_dir / "artifacts" / f"{job.clip_prefix}video.mp4"
        return path.read_bytes()
