"""GET /v1/load and its events: who may look, what is there, and what many who look cost."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

from serve.gateway.views.load_view import LoadView
from serve.settings.sections import Http
from tests.contract.browser import Browser, browsing, fault, told
from tests.unit.serve.watching.test_load_page import load_view, picture

KEY = "an operator's own key"


def page(at: float) -> bytes:
    return load_view(picture(at=at)).model_dump_json().encode()


def operators(**fields: object) -> Http:
    return Http.model_validate({"operator_key": KEY, "heartbeat_s": 0.2, **fields})


async def account_key(browser: Browser) -> str:
    accounts = browser.studio.accounts
    account = await accounts.create_account("studio", "enterprise", 1.0)
    plain, _ = await accounts.create_key(account.id, 1.0)
    return plain


async def test_the_whole_page_as_the_document_says(browser: Browser) -> None:
    browser.studio.crew.page = page(1_000.0)
    answer = await browser.http.get("/v1/load")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    shown = LoadView.model_validate_json(answer.content)
    assert (shown.at, shown.gangs[0].job.id if shown.gangs[0].job else None) == (1_000.0, "run")
    document = (await browser.http.get("/openapi.json")).json()
    schema = document["paths"]["/v1/load"]["get"]["responses"]["200"]["content"]
    assert schema["application/json"]["schema"]["$ref"].endswith("/LoadView")
    properties = document["components"]["schemas"]["LoadView"]["properties"]
    assert answer.json().keys() == properties.keys()


async def test_without_a_scheduler_nothing_is_known(browser: Browser) -> None:
    assert fault(await browser.http.get("/v1/load"))[:2] == (503, "service_unavailable")
    browser.studio.crew.page = page(1_000.0)
    browser.studio.crew.away = True
    answer = await browser.http.get("/v1/load")
    assert fault(answer)[:2] == (503, "service_unavailable")
    assert "retry-after" in answer.headers


async def test_with_an_operator_key_it_takes_that_and_no_account_s(tmp_path: Path) -> None:
    async with browsing(tmp_path, http=operators()) as browser:
        browser.studio.crew.page = page(1_000.0)
        key = await account_key(browser)
        for path in ("/v1/load", "/v1/load/events"):
            for sent in (None, "Bearer wrong", f"Bearer {key}", f"Basic {KEY}"):
                headers = {} if sent is None else {"authorization": sent}
                answer = await browser.http.get(path, headers=headers)
                assert fault(answer)[:2] == (401, "invalid_operator_key")
                assert answer.headers["www-authenticate"] == "Bearer"
        with_it = {"authorization": f"Bearer {KEY}"}
        assert (await browser.http.get("/v1/load", headers=with_it)).status_code == 200


async def test_without_an_operator_key_it_closes_with_the_first_account_key(
    browser: Browser,
) -> None:
    browser.studio.crew.page = page(1_000.0)
    assert (await browser.http.get("/v1/load")).status_code == 200
    headers = {"authorization": f"Bearer {await account_key(browser)}"}
    async with asyncio.timeout(20):  # for a moment the studio believes that there are no keys
        while (answer := await browser.http.get("/v1/load", headers=headers)).is_success:
            pass
    assert fault(answer)[:2] == (403, "operator_key_needed")
    assert "http.operator_key" in answer.json()["error"]["message"]
    assert fault(await browser.http.get("/v1/load"))[:2] == (403, "operator_key_needed")


async def test_events_are_whole_pages_and_only_new_ones(browser: Browser) -> None:
    crew = browser.studio.crew
    crew.page = page(1_000.0)
    async with browser.http.stream("GET", "/v1/load/events") as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        stream = told(answer)
        first = await anext(stream)
        assert (first.kind, first.data["at"]) == ("load", 1_000.0)
        crew.page = page(2_000.0)
        kinds = []
        async for event in stream:
            kinds.append(event.kind)
            if event.kind == "load":
                assert event.data["at"] == 2_000.0
                break
        assert kinds.count("load") == 1


async def test_who_looks_costs_no_more_than_a_copy(browser: Browser) -> None:
    browser.studio.crew.page = page(1_000.0)
    subscriptions = browser.studio.crew.num_subscriptions
    async with AsyncExitStack() as streams:
        for _ in range(20):
            opened = browser.http.stream("GET", "/v1/load/events")
            answer = await streams.enter_async_context(opened)
            assert (await anext(told(answer))).data["at"] == 1_000.0
        assert browser.studio.crew.num_subscriptions == max(1, subscriptions)


async def test_one_stream_too_many_is_told_so_and_a_closed_one_makes_room(tmp_path: Path) -> None:
    http = operators(max_load_streams=1, operator_key=None)
    async with browsing(tmp_path, http=http) as browser:
        browser.studio.crew.page = page(1_000.0)
        async with browser.http.stream("GET", "/v1/load/events") as first:
            await anext(told(first))
            refused = await browser.http.get("/v1/load/events")
            assert fault(refused)[:2] == (429, "too_many_streams")
            assert "http.max_load_streams" in refused.json()["error"]["message"]
        async with asyncio.timeout(20):
            while True:
                async with browser.http.stream("GET", "/v1/load/events") as again:
                    if again.status_code == 200:
                        break


async def test_heartbeats_while_nothing_is_known(browser: Browser) -> None:
    async with browser.http.stream("GET", "/v1/load/events") as answer:
        assert (await anext(told(answer))).kind == "comment"


def test_the_page_is_one_line_of_json() -> None:
    blob = page(1_000.0)
    assert b"\n" not in blob
    assert json.loads(blob)["object"] == "load"
