"""A quarter of an hour in a minute and a half: a crowd, a kill, a promise that cannot be kept.

Everything is asked of the running service by HTTP; gangs are killed and stopped by signals.
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import psutil

from serve.accounts.accounts import open_accounts
from serve.jobs.database import opened
from serve.telemetry.catalogue import cluster
from tests.integration.service.running import SETTINGS, Service, until

TIERS = ("new", "free", "plus", "pro")
(MODEL,) = SETTINGS["models"]
DRILL: dict[str, Any] = {
    **SETTINGS,
    "models": [{**MODEL, "gangs": [{"min": 1, "max": 2}]}],
    "jobs": {"checkpoint_every_s": 2.0, "max_crashes": 2},
    "accounts": {
        "signup": True,
        "signups_per_address": 60,
        "gate_burst": 1,
        "gate_period_s": 0.5,
    },
    "artifacts": {"min_free_bytes": 1_000_000},
    "capacity": {
        "report_every_s": 0.5,
        "cold_start_s": 5.0,
        "drain_s": 5.0,
        "up_after_s": 0.5,
        "down_after_s": 2.0,
        "down_every_s": 1.0,
        "level_s": 5.0,
        "slope_s": 15.0,
    },
    "policy": {
        "tick_s": 0.5,
        "saturation": {"drain_target_s": 1.0, "smoothing_s": 0.5},
        "gates": {"dwell_s": 1.0},
        "promises": {"in_reserve": 0.0, "least_share": 1.0},
        "release": {"lead_s": 1.0},
        "preemption": {"gap": 1e6},
        "tiers": {
            "new": {"max_promise_s": 0.0, "least_target_s": 1.0, "slo_scale": 1.0},
            "free": {"max_promise_s": 600.0, "least_target_s": 5.0, "slo_scale": 1.0},
        },
    },
}
"""New users get no promises, free ones short ones: a flood and its end fit in a minute."""


class Drill:
    """A service, and somebody of each tier who asks it; `look` returns once all is seen."""

    def __init__(self, service: Service, look: Callable[[], None]) -> None:
        self._service = service
        self._look = look
        self._asking: Mapping[str, httpx.Client] = {}

    def run(self) -> None:
        """All of it. What happens is looked at before the next thing happens."""
        self._keys()
        for scene in (self._calm, self._newcomers, self._crowd, self._losses, self._broken_promise):
            scene()
            self._look()
        self._rest()

    def close(self) -> None:
        for client in self._asking.values():
            client.close()

    def _keys(self) -> None:
        """A key for an account of each tier: from now on nobody is let in without."""
        made = asyncio.run(self._make_keys())
        self._asking = {
            tier: httpx.Client(
                base_url=self._service.http.base_url,
                headers={"authorization": f"Bearer {key}"},
                timeout=30,
            )
            for tier, key in made.items()
        }
        self._service.http.headers.update(self._asking["pro"].headers)
        until(lambda: self._service.http.get("/v1/me").status_code == 200, "keys to be believed")

    async def _make_keys(self) -> dict[str, str]:
        url = f"sqlite+aiosqlite:///{self._service.data_dir / 'filmgate.db'}"
        async with opened(url) as engines:
            accounts, now = open_accounts(engines), time.time()
            found = [await accounts.create_account(tier, tier, now) for tier in TIERS]
            keys = [await accounts.create_key(account.id, now) for account in found]
        return {tier: plain for tier, (plain, _) in zip(TIERS, keys, strict=True)}

    def _ask(self, tier: str, number: int, steps: int = 12) -> list[dict[str, Any]]:
        """So many clips of the same prompt; those that were taken."""
        wish = {"prompt": f"a ball for {tier}", "num_inference_steps": steps}
        answers = [self._asking[tier].post("/v1/videos", json=wish) for _ in range(number)]
        return [answer.json() for answer in answers if answer.status_code == 200]

    def _taken(self, tier: str, steps: int) -> dict[str, Any]:
        """A clip that is taken, now or when there is room."""
        (job,) = until(lambda: self._ask(tier, 1, steps), "a clip to be taken", every_s=0.5)
        return job

    def _calm(self) -> None:
        """A clip for each tier, one after the other."""
        for tier in TIERS:
            self._ask(tier, 1, steps=4)
            self._rest()

    def _crowd(self) -> None:
        """Free jobs run, paid ones come and take their place, and new users are turned away."""
        first = self._taken("free", steps=60)
        self._ask("free", 1)
        self._at_step("free", first, 5)
        for _ in range(2):
            self._ask("pro", 2)
            self._ask("plus", 1)
            until(lambda: not self._ask("new", 1), "a new user to be shed")
            self._ask("free", 1)
            self._look()
        last = self._taken("pro", steps=60)
        self._asking["pro"].post(f"/v1/videos/{last['id']}/cancel").raise_for_status()

    def _newcomers(self) -> None:
        """More than the gate lets in at once: some wait for their place to be called."""
        asked = [
            self._service.http.post("/v1/accounts", json={"name": f"newcomer {number}"})
            for number in range(20)
        ]
        place = next(answer.json() for answer in asked if answer.status_code == 202)
        self._look()

        def called() -> bool:
            token = {"authorization": f"Bearer {place['token']}"}
            told = self._service.http.get(f"/v1/accounts/waitlist/{place['id']}", headers=token)
            return told.json().get("called_at") is not None

        until(called, "the first place to be called", every_s=0.5)

    def _losses(self) -> None:
        """kill -9 of gangs at work: a job goes on from its checkpoint, and one that twice had none
        fails. Then of the Scheduler. Serve brings others."""
        for steps in (20, 1):
            job = self._taken("pro", steps=40)
            self._kill_at("pro", job, steps)
        self._kill_at("pro", job, 1)
        self._look()
        scheduler = self._service.replica("Scheduler")
        scheduler.suspend()
        until(lambda: self._is_up() == 0, "Gateways to miss the Scheduler", every_s=0.2)
        self._look()
        scheduler.kill()
        until(lambda: self._is_up() == 1, "the next Scheduler", every_s=0.2)

    def _is_up(self) -> float | None:
        """What Gateways tell of the Scheduler in their metrics."""
        told = re.search(f"^{cluster.UP.name} (.+)$", self._service.http.get("/metrics").text, re.M)
        return float(told[1]) if told else None

    def _kill_at(self, tier: str, job: dict[str, Any], step: int) -> None:
        """And wait until the job is in the queue again, or has failed."""
        self._at_step(tier, job, step)
        for gang in self._gangs():
            gang.kill()
        until(lambda: self._job(tier, job)["status"] != "in_progress", "the loss to be noticed")

    def _job(self, tier: str, job: dict[str, Any]) -> dict[str, Any]:
        return dict(self._asking[tier].get(f"/v1/videos/{job['id']}").json())

    def _broken_promise(self) -> None:
        """A free user is told a time, and the gangs stand still until it has passed."""
        self._ask("pro", 2, steps=40)
        self._look()
        job = until(self._promised, "a promise", every_s=0.5)
        late = job["decision"]["ready_by"] + 1
        until(lambda: self._standing_still(late), "the promised time to pass", every_s=0.5)
        for gang in self._gangs():
            gang.resume()

    def _standing_still(self, until_s: float) -> bool:
        """Whether it is that late; every gang is stopped, also one that Serve has just brought."""
        for gang in self._gangs():
            with contextlib.suppress(psutil.NoSuchProcess):
                gang.suspend()
        return time.time() > until_s

    def _promised(self) -> dict[str, Any] | None:
        (job,) = self._ask("free", 1) or (None,)
        return job if job and job["decision"]["state"] == "deferred" else None

    def _gangs(self) -> list[psutil.Process]:
        return self._service.replicas("Denoiser-filmgate-tiny-1")

    def _at_step(self, tier: str, job: dict[str, Any], step: int) -> None:
        def reached() -> bool:
            now = self._job(tier, job)
            return now["status"] == "in_progress" and (now["step"] or 0) >= step

        until(reached, f"step {step}", every_s=0.2)

    def _rest(self) -> None:
        """Until everything that was taken has ended."""

        def ended() -> bool:
            with contextlib.suppress(httpx.HTTPError, KeyError):
                listed = [
                    job
                    for client in self._asking.values()
                    for job in client.get("/v1/videos", params={"limit": 100}).json()["data"]
                ]
                return all(job["status"] not in ("queued", "in_progress") for job in listed)
            return False

        until(ended, "all jobs to end", every_s=0.5)
