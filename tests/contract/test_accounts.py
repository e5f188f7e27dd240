"""Accounts over HTTP: signing up, being told who one is, and what one has used."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from serve.accounts.account import Account
from serve.accounts.invitations import Invitation, Invitations
from serve.accounts.promotion import Promotion
from serve.accounts.rules import rules_of
from serve.gateway.admission.sign_up_turns import WRONG_CODES_A_MINUTE
from serve.settings import Settings
from serve.settings.accounts import Limits
from tests.contract.browser import Browser, browsing, fault
from tests.contract.studio import TINY

NOON = 1_800_000_000.0 - 1_800_000_000.0 % 86_400 + 43_200


def house(**changes: Any) -> dict[str, Any]:
    """The rules of a fresh install, with some changed."""
    return {"rules": replace(rules_of(Settings.from_values({})), **changes)}


@asynccontextmanager
async def known(browser: Browser, tier: str = "new") -> AsyncIterator[Account]:
    """The browser sends the key of a new account while this lasts."""
    accounts, now = browser.studio.accounts, browser.studio.parts.now()
    account = await accounts.create_account("ann", tier, now, region="kr")
    key, _ = await accounts.create_key(account.id, now)
    browser.http.headers["authorization"] = f"Bearer {key}"
    try:
        yield account
    finally:
        del browser.http.headers["authorization"]


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Any]:
    def open_browser(**changes: Any) -> Any:
        return browsing(tmp_path, **changes)

    return open_browser


async def test_nobody_signs_up_unless_it_is_allowed(browser: Browser) -> None:
    answer = await browser.http.post("/v1/accounts", json={"name": "ann"})
    assert fault(answer) == (403, "signup_closed", None)
    assert await browser.studio.accounts.list_accounts() == []


async def test_who_signs_up_gets_a_key_that_works(opened: Callable[..., Any]) -> None:
    async with opened(open_access=False, **house(signup=True)) as browser:
        body = {"name": "Ann Ä", "region": "kr"}
        answer = await browser.http.post("/v1/accounts", json=body)
        made = answer.json()
        assert answer.status_code == 201
        assert (made["object"], made["name"], made["tier"]) == ("account", "Ann Ä", "new")
        [account] = await browser.studio.accounts.list_accounts()
        assert (account.id, account.region, account.invite) == (made["id"], "kr", None)
        headers = {"authorization": f"Bearer {made['api_key']}"}
        me = (await browser.http.get("/v1/me", headers=headers)).raise_for_status().json()
        assert (me["id"], me["name"], me["region"]) == (account.id, "Ann Ä", "kr")


async def test_names_are_taken_once(opened: Callable[..., Any]) -> None:
    async with opened(**house(signup=True)) as browser:
        await browser.http.post("/v1/accounts", json={"name": "ann"})
        again = await browser.http.post("/v1/accounts", json={"name": "ann"})
        assert fault(again) == (409, "account_exists", "name")
        assert again.headers["x-should-retry"] == "false"
        assert len(await browser.studio.accounts.list_keys()) == 1


async def test_accounts_that_cannot_be(opened: Callable[..., Any]) -> None:
    async with opened(**house(signup=True)) as browser:
        for body, code, param in (
            ({}, "missing_required_parameter", "name"),
            ({"name": ""}, "invalid_name", "name"),
            ({"name": " ann"}, "invalid_name", "name"),
            ({"name": "x" * 65}, "invalid_name", "name"),
            ({"name": "acct_1"}, "invalid_name", "name"),
            ({"name": "a\0b"}, "invalid_name", "name"),
            ({"name": 5}, "invalid_name", "name"),
            ({"name": "ann", "region": "South Korea"}, "invalid_region", "region"),
            ({"name": "ann", "tier": "pro"}, "unknown_field", "tier"),
            ({"name": "ann", "invte": "x"}, "unknown_field", "invte"),
        ):
            answer = await browser.http.post("/v1/accounts", json=body)
            assert fault(answer) == (400, code, param), body
        answer = await browser.http.post("/v1/accounts", data={"name": "ann"})
        assert fault(answer)[:2] == (415, "unsupported_content_type")
        assert await browser.studio.accounts.list_accounts() == []


async def test_a_flood_of_sign_ups_is_slowed(opened: Callable[..., Any]) -> None:
    async with opened(**house(signup=True, signups_per_minute=2)) as browser:
        for name in ("a", "b"):
            (await browser.http.post("/v1/accounts", json={"name": name})).raise_for_status()
        answer = await browser.http.post("/v1/accounts", json={"name": "c"})
        assert fault(answer) == (429, "too_many_signups", None)
        assert 0 < int(answer.headers["retry-after"]) <= 30


async def test_one_place_does_not_take_all_sign_ups(opened: Callable[..., Any]) -> None:
    """A script that signs up without end has its own turns only."""
    async with opened(**house(signup=True, signups_per_minute=8)) as browser:

        async def sign_up(name: str, site: str) -> httpx.Response:
            headers = {"x-forwarded-for": site}
            answer: httpx.Response = await browser.http.post(
                "/v1/accounts", json={"name": name}, headers=headers
            )
            return answer

        for number in range(5):
            (await sign_up(f"bot {number}", "8.8.8.8")).raise_for_status()
        for number in range(5, 20):
            answer = await sign_up(f"bot {number}", "8.8.8.8")
            assert fault(answer) == (429, "too_many_signups", None)
            assert 0 < int(answer.headers["retry-after"]) <= 60
            assert "from your network" in answer.json()["error"]["message"]
        for name in ("ann", "bob", "cid"):
            (await sign_up(name, "9.9.9.9")).raise_for_status()
        answer = await sign_up("dan", "9.9.9.9")
        assert "as this service allows" in answer.json()["error"]["message"]


async def test_who_guesses_codes_slows_nobody_else(opened: Callable[..., Any]) -> None:
    """Each address has its own turns for codes that lead to nothing; a good code costs none."""
    async with opened(**house(signup=True, signups_per_minute=2)) as browser:
        good = Invitation(code="press", entries=40, who="op", at=0.0)
        await Invitations(browser.studio.store.engines).create(good)

        async def sign_up(name: str, site: str, **code: str) -> httpx.Response:
            headers = {"x-forwarded-for": f"6.6.6.6, {site}"}
            answer: httpx.Response = await browser.http.post(
                "/v1/accounts", json={"name": name, **code}, headers=headers
            )
            return answer

        for number in range(WRONG_CODES_A_MINUTE):
            answer = await sign_up("eve", "8.8.8.8", invite=f"guess-{number}")
            assert fault(answer) == (403, "invite_invalid", "invite")
        for code in ("guess", "press"):
            answer = await sign_up("eve", "8.8.8.8", invite=code)
            assert fault(answer) == (429, "too_many_codes", None)
            assert 0 < int(answer.headers["retry-after"]) <= 60
        for number in range(2 * WRONG_CODES_A_MINUTE):
            (await sign_up(f"guest {number}", "9.9.9.9", invite="press")).raise_for_status()
        for name in ("a", "b"):
            assert (await sign_up(name, "8.8.8.8")).status_code == 201


async def test_me_without_a_key(browser: Browser) -> None:
    me = (await browser.http.get("/v1/me")).raise_for_status().json()
    assert (me["id"], me["tier"], me["promotion"]) == ("local", "pro", None)
    assert me["limits"] == {**Limits().model_dump(), "unfinished_jobs": 1_000}
    assert me["today"]["left_gpu_s"] is None


async def test_me_says_what_may_be_asked_and_what_is_taken(opened: Callable[..., Any]) -> None:
    limits = {"new": Limits(jobs_waiting=5, gpu_seconds_per_day=10.0)}
    open_at_noon = opened(now=lambda: NOON, **house(limits=limits))
    async with open_at_noon as browser, known(browser) as account:
        await browser.studio.accounts.set_overrides(account.id, Limits(jobs_waiting=3))
        await browser.make("queue me")
        me = (await browser.http.get("/v1/me")).raise_for_status().json()
    assert (me["name"], me["tier"], me["region"], me["created_at"]) == ("ann", "new", "kr", NOON)
    assert (me["limits"]["jobs_waiting"], me["limits"]["gpu_seconds_per_day"]) == (3, 10.0)
    assert me["limits"]["unfinished_jobs"] == 10
    assert me["jobs"] == {"in_progress": 0, "waiting": 1}
    assert me["today"] == {
        "used_gpu_s": 0.0,
        "expected_gpu_s": 0.5,
        "left_gpu_s": 9.5,
        "resets_at": NOON + 43_200,
    }
    assert me["promotion"] == {"tier": "free", "at": NOON + 7 * 86_400, "clips": 3}


async def test_usage_is_told_by_day(opened: Callable[..., Any]) -> None:
    priced = (replace(TINY, price_per_gpu_s=0.01),)
    async with opened(models=priced) as browser:
        assert (await browser.http.get("/v1/usage")).json()["data"] == []
        video_id = await browser.make("a kite")
        async with browser.http.stream("GET", f"/v1/videos/{video_id}/events") as events:
            await events.aread()
        waiting = await browser.make("queue me")
        (await browser.http.post(f"/v1/videos/{waiting}/cancel")).raise_for_status()
        await browser.http.delete(f"/v1/videos/{video_id}")
        report = (await browser.http.get("/v1/usage")).raise_for_status().json()
        [today] = report["data"]
        assert (report["object"], report["currency"], len(today["date"])) == ("usage", "USD", 10)
        used = {"jobs": 2, "clips": 1, "gpu_s": 1.3, "price": 0.013}
        assert report["total"] == used == {name: today[name] for name in used}
        for query in ("days=0", "days=367", "days=x"):
            answer = await browser.http.get(f"/v1/usage?{query}")
            assert fault(answer) == (400, "invalid_days", "days")
        answer = await browser.http.get("/v1/usage?day=1")
        assert fault(answer) == (400, "unknown_parameter", "day")


async def test_a_disabled_account_is_told_so(opened: Callable[..., Any]) -> None:
    async with opened(remembered_s=0.0) as browser, known(browser) as account:
        await browser.studio.accounts.set_disabled(account.id, NOON)
        for path in ("/v1/me", "/v1/videos", "/v1/models"):
            assert fault(await browser.http.get(path)) == (403, "account_disabled", None)
        await browser.studio.accounts.set_disabled(account.id, None)
        (await browser.http.get("/v1/me")).raise_for_status()


async def test_an_account_rises_with_its_next_request(opened: Callable[..., Any]) -> None:
    rule = Promotion(tier="new", to="free", after_s=0.0, after_clips=1)
    async with opened(remembered_s=0.0, **house(promotion=rule)) as browser, known(browser):
        video_id = await browser.make("a kite")
        assert (await browser.http.get("/v1/me")).json()["promotion"]["clips"] == 1
        async with browser.http.stream("GET", f"/v1/videos/{video_id}/events") as events:
            await events.aread()
        me = (await browser.http.get("/v1/me")).json()
        assert (me["tier"], me["promotion"]) == ("free", None)
        job = await browser.studio.store.fetch([await browser.make("queue me")])
        assert job[0].tier == "free"
