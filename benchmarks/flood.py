"""A flood against one Gateway whose gate is shut, measured against a bare Ray Serve route."""

import asyncio
import multiprocessing
import socket
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import ray
from ray import serve as ray_serve

from benchmarks.flooding.hammer import Sample, hammer
from benchmarks.flooding.paying import Paid, pay
from benchmarks.flooding.scene import CLIP_S, Bare, CountedGateway, StandIn
from benchmarks.flooding.wish import Wish, wish
from benchmarks.report import Row, publish
from serve.accounts.accounts import open_accounts
from serve.jobs.database import opened
from serve.jobs.upgrade import upgrade
from serve.settings import Settings

ROUNDS = 5
ROUND_S = 6.0
CONNECTIONS = 16
NEW_ACCOUNTS = 50
NUM_PAID = 4
SPREAD = {"graceful_shutdown_timeout_s": 2.0, "max_ongoing_requests": 1_500}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where it is, and who asks."""

    port: int
    new_keys: list[str]
    paid_key: str

    def wishes(self) -> list[Wish]:
        """Of all new accounts in turn."""
        return [wish("", key, number) for number, key in enumerate(self.new_keys)]

    def statements(self) -> int:
        return int(httpx.get(f"http://127.0.0.1:{self.port}/statements").text)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="filmgate-bench-") as folder, _served(folder) as scene:
        bare, gateway, per_shed = _rounds(scene)
        quiet, flooded = _paid(scene)
    ratio = median(ours.rate / theirs.rate for ours, theirs in zip(gateway, bare, strict=True))
    rows = [
        Row(what="ratio", value=ratio, unit="Gateway / bare, answers a second"),
        *_rates("Gateway", gateway),
        *_rates("bare route", bare),
        Row(what="SQL statements a shed", value=per_shed, unit="", note=f"{NEW_ACCOUNTS} keys"),
        *_latencies(quiet, flooded),
    ]
    publish("flood", rows, {"rounds": ROUNDS, "round_s": ROUND_S, "connections": CONNECTIONS})


def _rounds(scene: Scene) -> tuple[list[Sample], list[Sample], float]:
    """The two in turn, so that what else happens on the machine befalls both."""
    bare, gateway = [], []
    bare_wishes = [wish("/bare", key, 0) for key in scene.new_keys]
    for wishes in (bare_wishes, scene.wishes()):
        hammer(scene.port, wishes, seconds=3.0, connections=CONNECTIONS)
    statements = 0
    for _ in range(ROUNDS):
        bare.append(_checked(scene, bare_wishes))
        before = scene.statements()
        gateway.append(_checked(scene, scene.wishes()))
        statements += scene.statements() - before
    sheds = sum(len(sample.latencies_s) for sample in gateway)
    return bare, gateway, statements / sheds


def _checked(scene: Scene, wishes: list[Wish]) -> Sample:
    sample = hammer(scene.port, wishes, seconds=ROUND_S, connections=CONNECTIONS)
    if set(sample.statuses) != {429}:
        raise RuntimeError(f"not all were shed: {dict(sample.statuses)}")
    return sample


def _paid(scene: Scene) -> tuple[list[Paid], list[Paid]]:
    """Clips of a paying account without and with a flood beside them."""
    pay(scene.port, scene.paid_key, count=1)
    quiet = pay(scene.port, scene.paid_key, count=NUM_PAID)
    flood_s = NUM_PAID * CLIP_S * 1.5
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as flood:
        done = flood.submit(
            hammer, scene.port, scene.wishes(), seconds=flood_s, connections=CONNECTIONS
        )
        time.sleep(2.0)
        flooded = pay(scene.port, scene.paid_key, count=NUM_PAID)
        if done.done():
            raise RuntimeError("the flood ended before the clips")
        done.result()
    return quiet, flooded


def _rates(what: str, samples: list[Sample]) -> list[Row]:
    p99_ms = 1_000 * median(sample.quantile_s(0.99) for sample in samples)
    return [
        Row(what=what, value=median(s.rate for s in samples), unit="answers a second"),
        Row(what=f"{what}, p99", value=p99_ms, unit="ms", note=f"{CONNECTIONS} connections"),
    ]


def _latencies(quiet: list[Paid], flooded: list[Paid]) -> list[Row]:
    def middle(paid: list[Paid], name: str) -> float:
        return median(getattr(each, name) for each in paid)

    without, beside = (middle(paid, "finished_s") for paid in (quiet, flooded))
    return [
        Row(what="accepted clip", value=beside / without, unit="flooded / quiet, time to the clip"),
        Row(
            what="accepted clip, quiet", value=without, unit="s", note=f"{CLIP_S:g} s of it asleep"
        ),
        Row(what="accepted clip, flooded", value=beside, unit="s"),
        Row(what="accepted POST, quiet", value=1e3 * middle(quiet, "answered_s"), unit="ms"),
        Row(what="accepted POST, flooded", value=1e3 * middle(flooded, "answered_s"), unit="ms"),
    ]


@contextmanager
def _served(folder: str) -> Iterator[Scene]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values: dict[str, Any] = {"data_dir": folder, "artifacts": {"min_free_bytes": 0}}
    settings = Settings.from_values(values)
    Path(folder).mkdir(exist_ok=True)
    new_keys, paid_key = asyncio.run(_people(settings))
    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        ray_serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
        plain = settings.model_dump(mode="json")
        stand_in = ray_serve.deployment(name="Scheduler", **SPREAD)(StandIn).bind(plain)
        gateway = _ingress("Gateway", CountedGateway).bind(plain, stand_in)
        ray_serve.run(gateway, name="filmgate", route_prefix="/")
        ray_serve.run(_ingress("Bare", Bare).bind(), name="bare", route_prefix="/bare")
        yield Scene(port=port, new_keys=new_keys, paid_key=paid_key)
    finally:
        ray_serve.shutdown()
        ray.shutdown()


def _ingress(name: str, kind: type) -> Any:
    wrapped = ray_serve.ingress()(kind)
    options = {"num_cpus": 0.25}
    return ray_serve.deployment(name=name, ray_actor_options=options, **SPREAD)(wrapped)


async def _people(settings: Settings) -> tuple[list[str], str]:
    """Keys of new accounts, and of one that pays."""
    await upgrade(settings.database_url)
    async with opened(settings.database_url) as engines:
        accounts, keys = open_accounts(engines), []
        for number in range(NEW_ACCOUNTS + 1):
            tier = "new" if number < NEW_ACCOUNTS else "pro"
            account = await accounts.create_account(f"person {number}", tier, time.time())
            keys.append((await accounts.create_key(account.id, time.time()))[0])
    return keys[:-1], keys[-1]


if __name__ == "__main__":
    main()
