"""A crowd that asks a running service for more than it can make, and a pro who keeps asking."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

import httpx

from serve.jobs.gate_status import GateStatus, TierStatus

SHOWN: Final = ("new", "free", "pro")
NUM_ACCOUNTS: Final = {"new": 60, "free": 20, "pro": 1}
SHARES: Final = {"new": 0.8, "free": 0.2}
"""Of the crowd's requests."""
PRO_PART: Final = 0.1
"""Of what the gangs can make."""
CLIP: Final = {"prompt": "a red ball bounces", "num_inference_steps": 10}


def accounts() -> dict[str, str]:
    """The tier of each account of the crowd, by its id."""
    return {
        f"acct_flood-{tier}-{number}": tier
        for tier, count in NUM_ACCOUNTS.items()
        for number in range(count)
    }


@dataclass(slots=True)
class Tally:
    """What was told since somebody looked, and what the pro's clips took."""

    told: Counter[str] = field(default_factory=Counter)
    pro_took_s: list[float] = field(default_factory=list)
    faults: int = 0


class Crowd:
    """`keys` by account; `clip_s` is what all gangs together need for one clip."""

    def __init__(
        self, http: httpx.AsyncClient, keys: Mapping[str, str], clip_s: float, tally: Tally
    ) -> None:
        self._http = http
        self._keys = keys
        self._clip_s = clip_s
        self._tally = tally
        self._random = Random(1)
        self._asked: set[asyncio.Task[None]] = set()

    async def ask(self, times: Callable[[], float]) -> None:
        """Ask for so many times what can be made, until cancelled."""
        tiers = accounts()
        of_tier = {tier: [a for a, its in tiers.items() if its == tier] for tier in SHARES}
        while True:
            await asyncio.sleep(self._random.expovariate(times() / self._clip_s))
            [tier] = self._random.choices(list(SHARES), list(SHARES.values()))
            task = asyncio.create_task(self._ask(self._random.choice(of_tier[tier])))
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)

    async def make_clips_as_pro(self) -> None:
        """One after another, until cancelled."""
        headers = self._headers(next(a for a, tier in accounts().items() if tier == "pro"))
        while True:
            began = time.monotonic()
            try:
                await self._one_clip(headers)
            except httpx.HTTPError:
                self._tally.faults += 1
            else:
                self._tally.pro_took_s.append(time.monotonic() - began)
            rest_s = self._clip_s / PRO_PART - (time.monotonic() - began)
            await asyncio.sleep(max(0.0, rest_s))

    async def _ask(self, account_id: str) -> None:
        try:
            answer = await self._http.post(
                "/v1/videos", json=CLIP, headers=self._headers(account_id)
            )
        except httpx.HTTPError:
            self._tally.faults += 1
            return
        if answer.status_code == 200:
            deferred = answer.json()["decision"]["ready_by"] is not None
            self._tally.told["deferred" if deferred else "let in"] += 1
        elif answer.status_code in (429, 503):
            self._tally.told["shed"] += 1
        else:
            self._tally.faults += 1

    async def _one_clip(self, headers: Mapping[str, str]) -> None:
        answer = await self._http.post("/v1/videos", json=CLIP, headers=headers)
        answer.raise_for_status()
        video = answer.json()
        while video["status"] in ("queued", "in_progress"):
            await asyncio.sleep(float(answer.headers.get("openai-poll-after-ms", 500)) / 1_000)
            answer = await self._http.get(f"/v1/videos/{video['id']}", headers=headers)
            video = answer.json()

    def _headers(self, account_id: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self._keys[account_id]}"}


def told(tally: Tally, status: GateStatus | None, since_s: float, *, flooding: bool) -> str:
    """One line, and the tally begins anew."""
    gates = "  ".join(map(_gate, status.tiers if status else ()))
    parts = ", ".join(f"{tally.told[word]} {word}" for word in ("let in", "deferred", "shed"))
    took = ", ".join(f"{each:.1f} s" for each in tally.pro_took_s) or "-"
    faults = f"  {tally.faults} faults" if tally.faults else ""
    tally.told.clear()
    tally.pro_took_s.clear()
    tally.faults = 0
    asked = "flood" if flooding else "calm "
    return f"{since_s:5.0f} s  {asked}  {gates}  {parts:34}  pro's clips: {took}{faults}"


def _gate(tier: TierStatus) -> str:
    """Its name, its state and the part of its requests that is turned aside."""
    aside = f"{100 * tier.aside:.0f} %" if tier.aside else ""
    return f"{tier.name} {tier.gate} {aside}".ljust(21) if tier.name in SHOWN else ""
