"""An open-loop client: each request is sent when it was planned, whatever the service does."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from autoscaling.replay.jobs import SimJob
from benchmarks.rehearsal.outline import CLIPS
from benchmarks.rehearsal.workload import luck

MOST_TRIES: Final = 40
"""Of one request that got no answer, half a second apart: the same key makes that safe."""
PAUSE_S: Final = 0.5
NO_ANSWER: Final = frozenset({500, 502, 504})
"""What Serve's proxy says of a replica that died with a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What somebody was told; times in Unix seconds."""

    number: int
    """Of the job in the workload."""
    planned_at: float
    sent_at: float
    answered_at: float
    status: int
    job_id: str | None
    ready_by: int | None
    """The promise, in the whole seconds that it was told in."""
    retry_after_s: float | None
    reason: str | None
    tries: int


async def ask_all(
    url: str, jobs: Sequence[SimJob], keys: Mapping[str, str], *, began_at: float, factor: float
) -> list[Answer]:
    """Every job's request, at its time over `factor` after `began_at` (Unix seconds)."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=32)
    async with httpx.AsyncClient(base_url=url, timeout=30, limits=limits) as http:

        async def ask_in_time(job: SimJob) -> Answer:
            planned_at = began_at + job.arrived_at / factor
            await asyncio.sleep(max(0.0, planned_at - time.time()))
            return await ask(http, job, keys[job.account_id], planned_at)

        return await asyncio.gather(*map(ask_in_time, jobs))


async def ask(http: httpx.AsyncClient, job: SimJob, key: str, planned_at: float) -> Answer:
    """One request, until there is an answer."""
    sent_at = time.time()
    answer, tries = await _posted(http, job, key)
    told = answer.json() if answer.status_code == 200 else {}
    decision = told.get("decision") or {}
    waits = answer.headers.get("retry-after")
    return Answer(
        number=job.number,
        planned_at=planned_at,
        sent_at=sent_at,
        answered_at=time.time(),
        status=answer.status_code,
        job_id=told.get("id"),
        ready_by=decision.get("ready_by"),
        retry_after_s=None if waits is None else float(waits),
        reason=decision.get("reason") or _fault(answer).get("code"),
        tries=tries,
    )


async def _posted(http: httpx.AsyncClient, job: SimJob, key: str) -> tuple[httpx.Response, int]:
    fields = {"prompt": f"number {job.number}"} | CLIPS[job.size.name].fields(luck(job))
    headers = {"authorization": f"Bearer {key}", "idempotency-key": f"job-{job.number}"}
    tries = 0
    while True:
        tries += 1
        try:
            answer = await http.post("/v1/videos", json=fields, headers=headers)
            if answer.status_code not in NO_ANSWER or tries >= MOST_TRIES:
                return answer, tries
        except httpx.TransportError:
            if tries >= MOST_TRIES:
                raise
        await asyncio.sleep(PAUSE_S)


def _fault(answer: httpx.Response) -> dict[str, Any]:
    if answer.status_code == 200 or "json" not in answer.headers.get("content-type", ""):
        return {}
    return dict(answer.json().get("error") or {})
