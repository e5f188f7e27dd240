"""However many Gateways there are, each thing is counted once, and all of them tell the same."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from serve.gateway.app import build_gateway
from serve.messages import Answered, Snapshot, StoreErrors
from serve.telemetry.metrics import Metrics
from tests.contract.faulty import DOWN, Faulty, failing
from tests.contract.film_crew import OPEN, FilmCrew
from tests.contract.studio import listening, opened_studio

TIERS = [tier.name for tier in OPEN.rules.tiers]
OWN = {"filmgate_scheduler_up", "filmgate_snapshot_age_seconds"}


class Measured:
    """The film crew's line, whose other end measures as the Scheduler does."""

    def __init__(self, crew: FilmCrew) -> None:
        self._crew = crew
        self.metrics = Metrics(TIERS, ["tiny"])

    def snapshot(self) -> Snapshot | None:
        now = self._crew.snapshot()
        return now and replace(now, metrics=self.metrics.exposition())

    async def report(self, answered: list[Answered]) -> None:
        self.metrics.policy.answered(answered)

    async def failed(self, errors: StoreErrors) -> None:
        self.metrics.cluster.store_errors("jobs", "gateway", errors.jobs)

    def silent_s(self) -> float | None:
        return self._crew.silent_s()

    def notify(self, job_id: str) -> None:
        self._crew.notify(job_id)

    def events(self) -> AsyncIterator[Any]:
        return self._crew.events()


def series(text: str) -> Counter[tuple[str, tuple[tuple[str, str], ...]]]:
    return Counter(
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    )


def total(text: str, name: str, **labels: str) -> float:
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


async def test_two_gateways_count_everything_once(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        studio = await stack.enter_async_context(opened_studio(tmp_path, {"tick_s": 0.02}))
        link, clients = Measured(studio.crew), []
        errors = [(0, 0), (2, 0)]
        for own in errors:
            parts = replace(studio.parts, link=link, store_errors=lambda own=own: own)
            url = await stack.enter_async_context(listening(build_gateway(parts)))
            client = httpx.AsyncClient(base_url=url, timeout=20)
            clients.append(await stack.enter_async_context(client))
        first, second = clients
        for client in (first, first, second):
            answer = await client.post("/v1/videos", json={"prompt": "queue"})
            assert answer.status_code == 200
        asked, failed = "filmgate_requests_answered_total", "filmgate_store_errors_total"
        async with asyncio.timeout(20):
            while True:
                told = [(await client.get("/metrics")).text for client in clients]
                if total(told[0], asked) >= 3 and total(told[0], failed, role="gateway") >= 2:
                    break
        for text in told:
            assert total(text, asked, outcome="admitted", model="tiny") == 3
            assert total(text, failed, store="jobs", role="gateway") == 2
            assert set(series(text).values()) == {1}
        ours, theirs = (
            {line for line in text.splitlines() if not line.startswith("#")} for text in told
        )
        assert {line.split()[0] for line in ours ^ theirs} <= OWN


async def test_what_cannot_be_handed_over_is_kept(tmp_path: Path) -> None:
    async with opened_studio(tmp_path, {"tick_s": 0.02}) as studio:
        counts = [(1, 0)]
        studio.crew.deaf = True
        broken = Faulty(studio.store, "insert", failing(DOWN))
        parts = replace(studio.parts, store=broken, store_errors=lambda: counts[-1])
        async with listening(build_gateway(parts)) as url, httpx.AsyncClient(base_url=url) as http:
            await http.post("/v1/videos", json={"prompt": "queue"})
            counts.append((4, 2))
            studio.crew.deaf = False
            async with asyncio.timeout(20):
                while not studio.crew.store_errors:
                    await http.get("/healthz")
        handed = studio.crew.store_errors
        assert sum(each.jobs for each in handed) == 4
        assert sum(each.artifacts for each in handed) == 2
