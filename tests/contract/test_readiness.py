"""What works without a Scheduler, and when the service calls itself ready."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from serve.jobs.gate_status import GATE, SILENT_AFTER_S
from serve.messages import Snapshot
from tests.contract.faulty import DOWN, SECRET, Faulty, client_of, failing
from tests.contract.studio import SILENT, Studio


class Away:
    """No Scheduler is heard."""

    def snapshot(self) -> Snapshot | None:
        return None

    def silent_s(self) -> float | None:
        return None

    def notify(self, job_id: str) -> None:
        raise ConnectionError(job_id)

    async def events(self) -> AsyncIterator[Any]:
        raise ConnectionError
        yield


async def test_jobs_are_taken_shown_and_cancelled_without_a_scheduler(studio: Studio) -> None:
    async with client_of(studio, link=Away()) as client:
        made = (await client.post("/v1/videos", json={"prompt": SECRET})).raise_for_status()
        assert made.headers["openai-poll-after-ms"] == "1000"
        path = f"/v1/videos/{made.json()['id']}"
        assert (await client.get(path)).json()["queue_position"] is None
        assert (await client.post(f"{path}/cancel")).json()["status"] == "cancelled"
        assert (await client.delete(path)).json()["deleted"] is True
        models = (await client.get("/v1/models")).json()["data"]
        assert {model["state"] for model in models} == {"unknown"}
        metrics = await client.get("/metrics")
        assert metrics.status_code == 200
        assert "filmgate_scheduler_up 0.0" in metrics.text
        assert "filmgate_jobs" not in metrics.text
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["reasons"] == ["the scheduler has not been heard of lately"]
        assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_readiness(studio: Studio) -> None:
    await studio.crew.took_epoch.wait()
    async with client_of(studio) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"status": "ready", "reasons": []})
        metrics = await client.get("/metrics")
        assert metrics.text.endswith("filmgate_jobs_waiting 1\n")
        assert "filmgate_scheduler_up 1.0" in metrics.text
        assert "filmgate_snapshot_age_seconds 0.5" in metrics.text
        assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    async with client_of(studio, models=(replace(SILENT, may_sleep=False),)) as client:
        assert (await client.get("/readyz")).json()["reasons"] == [
            "model silent has not been warm yet"
        ]
    async with client_of(studio, store=Faulty(studio.store, "ping", failing(DOWN))) as client:
        assert (await client.get("/readyz")).json()["reasons"] == ["the job store does not answer"]
    await studio.store.take_epoch()
    async with client_of(studio) as client:
        [reason] = (await client.get("/readyz")).json()["reasons"]
        assert reason.startswith("the scheduler has been replaced")


async def test_a_scheduler_that_works_in_another_cluster_is_no_absent_one(studio: Studio) -> None:
    await studio.crew.took_epoch.wait()
    epoch, now = await studio.store.take_epoch(), studio.parts.now()

    async def up(**changes: Any) -> str:
        async with client_of(studio, link=Away(), **changes) as client:
            return (await client.get("/metrics")).text.splitlines()[2]

    assert await up() == "filmgate_scheduler_up 0.0"
    await studio.store.remember(GATE, {"at": now, "of": "a later version"}, epoch, now)
    assert await up() == "filmgate_scheduler_up 1.0"
    assert await up(now=lambda: now + SILENT_AFTER_S + 1) == "filmgate_scheduler_up 0.0"
    broken = Faulty(studio.store, "recall", failing(DOWN))
    assert await up(store=broken) == "filmgate_scheduler_up 0.0"
    await studio.store.remember(GATE, ["not", "a", "status"], epoch, now)
    assert await up() == "filmgate_scheduler_up 0.0"
