"""Whatever the load: nobody fares worse than the same request in a tier below, over HTTP."""

import random
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from serve.accounts.account import Account, Principal
from serve.accounts.keys import make_key
from tests.contract.faulty import client_of
from tests.contract.film_crew import OPEN
from tests.contract.gates import RANKS, flooded
from tests.contract.studio import Studio

KINDNESS = {"admitted": 2, "deferred": 1, "shed": 0}
NUM_ACCOUNTS = 12


class Everybody:
    """Accounts that exist as soon as somebody has their key: one of each name in every tier."""

    def __init__(self) -> None:
        self._principals: dict[str, Principal] = {}

    def key(self, name: str, tier: str) -> str:
        plain = make_key("test").plain
        account = Account(id=name, name=name, tier=tier, region=None, created_at=0.0)
        self._principals[plain] = Principal(account=account, key_id=None)
        return plain

    async def authenticate(self, plain_key: str, /) -> Principal | None:
        return self._principals.get(plain_key)

    async def promoted(self, account: Account, *_: Any) -> Account:
        return account


async def outcome(http: httpx.AsyncClient, key: str, number: int) -> str:
    wish = {"prompt": f"queue {number}", "size": "96x64", "accept_lighter": ["size"]}
    headers = {"authorization": f"Bearer {key}"}
    answer = await http.post("/v1/videos", json=wish, headers=headers)
    if answer.status_code in (429, 503):
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["error"]["gate"]["state"] in ("deferring", "shedding")
        return "shed"
    state = answer.raise_for_status().json()["decision"]["state"]
    return "deferred" if state == "deferred" else "admitted"


@pytest.mark.parametrize("seed", range(4))
async def test_no_tier_is_let_in_at_a_higher_rate_than_one_above(
    studio: Studio, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    parts = sorted((chance.random() for _ in RANKS), reverse=True)
    shut = flooded(promises=seed % 2 == 0)
    studio.crew.situation = shut.__class__(
        load=shut.load,
        levels=shut.levels,
        aside=tuple(parts),
        stretch=OPEN.stretch,
        rules=OPEN.rules,
    )
    names = [f"acct_{seed}_{number}" for number in range(NUM_ACCOUNTS)]
    studio.crew.recent = frozenset(name for name in names if chance.random() < 0.5)
    everybody = Everybody()
    changes: dict[str, Any] = {"accounts": everybody, "open_access": False}
    async with client_of(studio, now=time.time, **changes) as http:
        rates = [0] * len(RANKS)
        for number, name in enumerate(names):
            kindness = [
                KINDNESS[await outcome(http, everybody.key(name, tier), number)] for tier in RANKS
            ]
            assert kindness == sorted(kindness), (name, kindness)
            rates = [rate + (kind == 2) for rate, kind in zip(rates, kindness, strict=True)]
    assert rates == sorted(rates)
    assert sum(rates) > 0
