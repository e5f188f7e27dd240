"""The crowd of a flood that somebody watches, against a service made by hand."""

import asyncio
from collections import Counter

import httpx
import pytest

from benchmarks.rehearsal.crowding import SHOWN, Crowd, Tally, accounts, told
from tests.unit.benchmarks.rehearsal.test_kill import sighting

KEYS = {account_id: f"key of {account_id}" for account_id in accounts()}


class Service:
    """Sheds new users, defers free ones, makes a pro's clip in two polls."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self._polls = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        tier = next(tier for tier in SHOWN if f"-{tier}-" in request.headers["authorization"])
        self.asked[f"{request.method} {tier}"] += 1
        if tier == "new":
            return httpx.Response(429, json={"error": {"code": "tier_shed"}})
        self._polls += tier == "pro"
        status = "completed" if tier == "pro" and self._polls % 3 == 0 else "queued"
        video = {
            "id": "v",
            "status": status,
            "decision": {"ready_by": 1 if tier == "free" else None},
        }
        return httpx.Response(200, json=video, headers={"openai-poll-after-ms": "0"})


@pytest.fixture
def service() -> Service:
    return Service()


async def crowded(service: Service, tally: Tally, work: str) -> None:
    """A moment of it, until enough was told."""
    transport = httpx.MockTransport(service)
    async with httpx.AsyncClient(base_url="http://there", transport=transport) as http:
        crowd = Crowd(http, KEYS, 0.001, tally)
        doing = asyncio.create_task(
            crowd.ask(lambda: 100.0) if work == "flood" else crowd.make_clips_as_pro()
        )
        while sum(tally.told.values()) < 40 and len(tally.pro_took_s) < 2:
            await asyncio.sleep(0)
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)


async def test_a_crowd_asks_as_new_and_free_users(service: Service) -> None:
    tally = Tally()
    await crowded(service, tally, "flood")
    assert service.asked["POST new"] > service.asked["POST free"] > 0
    assert set(tally.told) == {"shed", "deferred"}
    assert tally.faults == 0


async def test_a_pro_makes_one_clip_after_another(service: Service) -> None:
    tally = Tally()
    await crowded(service, tally, "pro")
    assert len(tally.pro_took_s) == 2
    assert (service.asked["POST pro"], service.asked["GET pro"]) >= (2, 4)


def test_a_line_tells_all_and_begins_anew() -> None:
    tally = Tally(told=Counter({"shed": 3, "deferred": 2}), pro_took_s=[2.04], faults=1)
    status = sighting(12.0, 1, 1, aside=0.4).status
    line = told(tally, status, 12.0, flooding=True)
    for part in (
        "12 s  flood",
        "40 %",
        "pro open",
        "2 deferred, 3 shed",
        "clips: 2.0 s",
        "1 faults",
    ):
        assert part in line
    assert "enterprise" not in line
    assert tally == Tally()
    assert "pro's clips: -" in told(tally, None, 14.0, flooding=False)
