"""Signing up over HTTP while there is more demand than room: waiting, being called, claiming."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from serve.accounts.invitations import Invitation, Invitations
from serve.accounts.rules import rules_of
from serve.jobs.switch import Kind, Switch
from serve.settings import Settings
from tests.contract.browser import Browser, browsing, fault

RULES = rules_of(
    Settings.from_values({"accounts": {"signup": True, "gate_burst": 1, "signups_per_address": 60}})
)
NOON = 1_800_000_000.25
Opened = Callable[..., Any]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    def open_browser(**changes: Any) -> Any:
        door = replace(RULES.door, **changes)
        rules = replace(RULES, door=door)
        return browsing(tmp_path, open_access=False, now=lambda: NOON, rules=rules)

    return open_browser


async def post(browser: Browser, name: str, token: str = "", **body: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return await browser.http.post("/v1/accounts", json={"name": name, **body}, headers=headers)


async def at_place(browser: Browser, method: str, place: dict[str, Any]) -> httpx.Response:
    headers = {"authorization": f"Bearer {place['token']}"}
    return await browser.http.request(
        method, f"/v1/accounts/waitlist/{place['id']}", headers=headers
    )


async def call(browser: Browser, count: int = 1) -> None:
    await browser.studio.parts.newcomers.call(count, who="op", now=NOON)  # type: ignore[attr-defined]


async def close(browser: Browser, kind: Kind, region: str) -> None:
    switch = Switch(kind=kind, name=region, rate=0.0, who="op", at=NOON)
    await browser.studio.store.set_switch(switch)


async def test_the_first_gets_in_and_the_next_one_waits(opened: Opened) -> None:
    async with opened() as browser:
        first = await post(browser, "ann")
        assert (first.status_code, first.json()["object"]) == (201, "account")
        second = await post(browser, "bob", region="kr")
        assert second.status_code == 202
        place = second.json()
        assert place.pop("id").startswith("place_")
        assert place.pop("token").startswith("fgw_")
        assert place == {
            "object": "waitlist.place",
            "name": "bob",
            "region": "kr",
            "asked_at": int(NOON),
            "position": 0,
            "expected_at": None,
            "called_at": None,
            "claim_by": None,
            "account_id": None,
        }
        accounts = await browser.studio.accounts.list_accounts()
        assert [account.name for account in accounts] == ["ann"]


async def test_asking_again_gains_nothing(opened: Opened) -> None:
    async with opened() as browser:
        await post(browser, "ann")
        place = (await post(browser, "bob")).json()
        for _ in range(3):
            again = await post(browser, "bob", token=place["token"])
            assert again.status_code == 202
            assert again.json() == {**place, "token": None}
        for token in ("", "fgw_guess"):
            refused = await post(browser, "bob", token=token)
            assert fault(refused) == (409, "name_waiting", "name")
            assert refused.headers["x-should-retry"] == "false"
        assert fault(await post(browser, "ann")) == (409, "account_exists", "name")
        assert (await post(browser, "cid")).json()["position"] == 1


async def test_who_was_called_claims_an_account(opened: Opened) -> None:
    async with opened() as browser:
        await post(browser, "ann")
        place = (await post(browser, "bob")).json()
        early = await at_place(browser, "POST", place)
        assert (early.status_code, early.json()["position"]) == (202, 0)
        await call(browser)
        told = (await at_place(browser, "GET", place)).json()
        assert (told["position"], told["called_at"]) == (None, int(NOON) + 1)
        assert told["claim_by"] == told["called_at"] + 7 * 86_400
        lost, kept = [await at_place(browser, "POST", place) for _ in range(2)]
        assert [lost.status_code, kept.status_code] == [201, 201]
        assert lost.json()["id"] == kept.json()["id"]
        headers = {"authorization": f"Bearer {lost.json()['api_key']}"}
        assert fault(await browser.http.get("/v1/me", headers=headers))[0] == 401
        headers = {"authorization": f"Bearer {kept.json()['api_key']}"}
        me = (await browser.http.get("/v1/me", headers=headers)).raise_for_status().json()
        assert (me["name"], me["tier"]) == ("bob", "new")
        told = (await at_place(browser, "GET", place)).json()
        assert (told["account_id"], told["claim_by"]) == (me["id"], None)


async def test_a_key_that_is_used_is_not_replaced(opened: Opened) -> None:
    async with opened() as browser:
        await post(browser, "ann")
        place = (await post(browser, "bob")).json()
        await call(browser)
        key = (await at_place(browser, "POST", place)).json()["api_key"]
        await browser.studio.accounts.note_use(key.split("_")[2], NOON)
        again = await at_place(browser, "POST", place)
        assert fault(again) == (409, "already_claimed", None)


async def test_a_place_needs_its_token(opened: Opened) -> None:
    async with opened() as browser:
        await post(browser, "ann")
        place = (await post(browser, "bob")).json()
        for method in ("GET", "POST"):
            url = f"/v1/accounts/waitlist/{place['id']}"
            assert fault(await browser.http.request(method, url))[:2] == (401, "invalid_token")
            for wrong in ({**place, "token": "fgw_guess"}, {**place, "id": "place_0"}):
                answer = await at_place(browser, method, wrong)
                assert fault(answer)[:2] == (404, "place_not_found")
            answer = await at_place(browser, method, {**place, "id": "%00"})
            assert fault(answer)[0] == 404


async def test_an_invitation_leads_past_the_list(opened: Opened) -> None:
    async with opened() as browser:
        await post(browser, "ann")
        await post(browser, "bob")
        invitation = Invitation(code="press", entries=1, who="op", at=NOON)
        await Invitations(browser.studio.store.engines).create(invitation)
        assert (await post(browser, "cid", invite="press")).status_code == 201
        for code in ("press", "none"):
            refused = await post(browser, "dan", invite=code)
            assert fault(refused) == (403, "invite_invalid", "invite")
        account = await browser.studio.accounts.find_account("cid")
        assert account is not None
        assert account.invite == "press"


@pytest.mark.parametrize("kind", [Kind.SIGN_UPS, Kind.REGION])
async def test_a_closed_region(opened: Opened, kind: Kind) -> None:
    async with opened(gate=False) as browser:
        await close(browser, kind, "kr")
        answer = await post(browser, "ann", region="kr")
        assert fault(answer) == (403, "region_closed", "region")
        answer = await post(browser, "ann")
        assert fault(answer) == (400, "missing_required_parameter", "region")
        assert (await post(browser, "ann", region="us")).status_code == 201


async def test_a_full_list(opened: Opened) -> None:
    async with opened(max_waiting=1) as browser:
        for name in ("ann", "bob"):
            await post(browser, name)
        answer = await post(browser, "cid")
        assert fault(answer) == (429, "waitlist_full", None)
        assert answer.headers["retry-after"] == "3600"
        assert answer.headers["x-should-retry"] == "false"


async def test_without_the_gate_nobody_waits(opened: Opened) -> None:
    async with opened(gate=False) as browser:
        for name in ("ann", "bob", "cid"):
            assert (await post(browser, name)).status_code == 201


async def test_a_fresh_service_has_room_for_the_first_ten(tmp_path: Path) -> None:
    rules = rules_of(
        Settings.from_values({"accounts": {"signup": True, "signups_per_address": 60}})
    )
    async with browsing(tmp_path, open_access=False, rules=rules) as browser:
        codes = [(await post(browser, f"n{number}")).status_code for number in range(11)]
        assert codes == [201] * 10 + [202]
