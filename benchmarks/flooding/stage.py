"""The Gateway whose gate is shut and the bare route beside it, deployed while they are flooded."""

import asyncio
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import ray
from ray import serve as ray_serve
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.flooding.scene import Bare, CountedGateway, StandIn
from benchmarks.flooding.wish import Wish, wish
from serve.accounts.accounts import key_insertion
from serve.accounts.keys import make_key
from serve.accounts.roster import insertion, new_account
from serve.jobs.database import opened
from serve.jobs.upgrade import upgrade
from serve.settings import Settings

FEW: Final = 50
"""Accounts that flood: after their first sheds they are answered unread."""
MANY: Final = 4_000
"""Accounts of a crowd: each asks less often, in the whole run, than would be answered unread."""
SPREAD = {"graceful_shutdown_timeout_s": 2.0, "max_ongoing_requests": 1_500}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where it is, and the keys of those who ask."""

    port: int
    few: Sequence[str]
    many: Sequence[str]
    paid_key: str

    def wishes(self, keys: Sequence[str], path: str = "") -> list[Wish]:
        """Of all these accounts in turn."""
        return [wish(path, key, number) for number, key in enumerate(keys)]

    def counted(self) -> tuple[int, int]:
        """SQL statements until now, and requests that were answered unread."""
        counted = httpx.get(f"http://127.0.0.1:{self.port}/counted").json()
        return counted.get("statements", 0), counted.get("unread", 0)


@contextmanager
def staged() -> Iterator[Stage]:
    """With a folder and a Ray of its own."""
    with tempfile.TemporaryDirectory(prefix="filmgate-bench-") as folder:
        values: dict[str, Any] = {"data_dir": folder, "artifacts": {"min_free_bytes": 0}}
        settings = Settings.from_values(values)
        keys, paid_key = asyncio.run(_people(settings))
        ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        try:
            port = _deploy(settings)
            yield Stage(port=port, few=keys[:FEW], many=keys[FEW:], paid_key=paid_key)
        finally:
            ray_serve.shutdown()
            ray.shutdown()


def _deploy(settings: Settings) -> int:
    """The port at which both can be asked."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    ray_serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
    plain = settings.model_dump(mode="json")
    stand_in = ray_serve.deployment(name="Scheduler", **SPREAD)(StandIn).bind(plain)
    gateway = _ingress("Gateway", CountedGateway).bind(plain, stand_in)
    ray_serve.run(gateway, name="filmgate", route_prefix="/")
    ray_serve.run(_ingress("Bare", Bare).bind(), name="bare", route_prefix="/bare")
    return port


def _ingress(name: str, kind: type) -> Any:
    wrapped = ray_serve.ingress()(kind)
    options = {"num_cpus": 0.25}
    return ray_serve.deployment(name=name, ray_actor_options=options, **SPREAD)(wrapped)


async def _people(settings: Settings) -> tuple[list[str], str]:
    """Keys of new accounts, and of one that pays; all in one transaction, for they are many."""
    await upgrade(settings.database_url)
    now, keys = time.time(), [make_key("live") for _ in range(FEW + MANY + 1)]

    async def move_in(connection: AsyncConnection) -> None:
        for number, key in enumerate(keys):
            tier = "new" if number < FEW + MANY else "pro"
            account = new_account(f"person {number}", tier, now, region=None, invite=None)
            await connection.execute(insertion(account))
            await connection.execute(key_insertion(key, account.id, now, ""))

    async with opened(settings.database_url) as engines:
        await engines.transact(move_in)
    return [key.plain for key in keys[:-1]], keys[-1].plain
