"""What the policy has learnt: small values by name, written by the newest Scheduler alone."""

from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from serve.jobs.database import Engines
from serve.jobs.sql_queue import newest_epoch
from serve.jobs.tables import policy_state


class SqlMemory:
    """The part of `serve.jobs.store.Ledger` that outlives a Scheduler's process."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def remember(self, name: str, value: Any, epoch: int, now: float) -> bool:
        """Keep a plain value under `name`; False if `epoch` is not the newest."""

        async def replace(connection: AsyncConnection) -> bool:
            if await connection.scalar(select(newest_epoch())) != epoch:
                return False
            await connection.execute(delete(policy_state).where(policy_state.c.name == name))
            row = {"name": name, "value": value, "changed_at": now}
            await connection.execute(insert(policy_state).values(row))
            return True

        return await self._engines.transact(replace)

    async def recall(self, name: str) -> Any | None:
        """The value that was kept last; None if there is none."""
        query = select(policy_state.c.value).where(policy_state.c.name == name)
        rows = await self._engines.rows(query)
        return rows[0]["value"] if rows else None
