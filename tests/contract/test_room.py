"""Who finds room: the queue is not filled from below, and an account's own jobs say when."""

import time
from dataclasses import replace
from typing import Any

import httpx

from serve.settings.sections import Jobs
from tests.contract.faulty import client_of
from tests.contract.film_crew import OPEN
from tests.contract.gates import flooded
from tests.contract.studio import Studio
from tests.contract.test_no_inversion import Everybody


async def ask(http: httpx.AsyncClient, key: str, **wish: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return await http.post("/v1/videos", json={"prompt": "queue me", **wish}, headers=headers)


def code_of(answer: httpx.Response) -> str:
    code: str = answer.json()["error"]["code"]
    return code


async def test_the_lower_tiers_fill_no_queue_for_those_above(studio: Studio) -> None:
    studio.crew.situation = OPEN
    everybody = Everybody()
    changes: dict[str, Any] = {"accounts": everybody, "open_access": False}
    async with client_of(studio, now=time.time, jobs=Jobs(max_waiting=3), **changes) as http:
        for name, tier in (("a", "new"), ("b", "free"), ("c", "gone")):
            (await ask(http, everybody.key(name, tier))).raise_for_status()
        assert code_of(await ask(http, everybody.key("d", "new"))) == "queue_full"
        boss = everybody.key("boss", "enterprise")
        for number in range(3):
            (await ask(http, boss, seed=number)).raise_for_status()
        assert code_of(await ask(http, boss)) == "queue_full"
        studio.crew.situation = flooded()
        deferred = await ask(http, everybody.key("e", "new"))
        assert deferred.raise_for_status().json()["decision"]["state"] == "deferred"


async def test_an_account_whose_jobs_are_all_for_later_is_told_when(studio: Studio) -> None:
    busy = flooded()
    lowest = replace(busy.load.tiers[0], promised_gpu_s=1_000.0)
    load = replace(busy.load, tiers=(lowest, *busy.load.tiers[1:]))
    studio.crew.situation = replace(busy, load=load)
    everybody = Everybody()
    changes: dict[str, Any] = {"accounts": everybody, "open_access": False}
    async with client_of(studio, now=time.time, **changes) as http:
        key = everybody.key("full", "new")
        made = [await ask(http, key, seed=number) for number in range(10)]
        first = min(answer.json()["decision"]["ready_by"] for answer in made)
        refused = await ask(http, key)
        assert code_of(refused) == "concurrency_limit"
        assert abs(int(refused.headers["retry-after"]) - (first - time.time())) < 10
        assert refused.headers["x-should-retry"] == "false"


async def test_a_key_is_remembered_for_a_day_and_while_its_job_is_there(studio: Studio) -> None:
    everybody, clock = Everybody(), [1_800_000_060.0]
    changes: dict[str, Any] = {"accounts": everybody, "open_access": False}
    async with client_of(studio, now=lambda: clock[0], **changes) as http:
        key = everybody.key("again", "new")
        http.headers["idempotency-key"] = "K"
        made = (await ask(http, key)).raise_for_status().json()["id"]
        studio.crew.situation = flooded(promises=False)
        assert (await ask(http, key)).json()["id"] == made
        assert code_of(await ask(http, key, seed=5)) == "idempotency_key_reused"
        clock[0] += 25 * 3_600
        for wish in ({}, {"seed": 5}):
            assert "gate" in (await ask(http, key, **wish)).json()["error"]
        clock[0] -= 25 * 3_600
        await http.delete(f"/v1/videos/{made}", headers={"authorization": f"Bearer {key}"})
        assert "gate" in (await ask(http, key, seed=5)).json()["error"]
