"""The operator's switches in SQL: a change and its line of the audit trail are one transaction."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Select, delete, insert, or_, select
from sqlalchemy.engine import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from autoscaling.gates import Switches
from serve.jobs.database import Engines
from serve.jobs.switch import AuditLine, Kind, Switch, act_of, as_switches, values_of
from serve.jobs.tables import counters, gate_audit, switches


class SqlSwitches:
    """Written by operators, read by the Scheduler at its scans."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def switches(self, now: float) -> Switches:
        """What the policy obeys over whatever the load says."""
        return as_switches(await self.switches_in_force(now))

    async def switches_in_force(self, now: float) -> list[Switch]:
        """All that have not ended by themselves, in a steady order."""
        return [to_switch(row) for row in await self._engines.rows(in_force(now))]

    async def set_switch(self, switch: Switch) -> Switch | None:
        """Put it in the place of the one that is there; returns that one."""
        return await self._engines.transact(lambda connection: _replace(connection, switch))

    async def clear_switch(
        self, kind: Kind, name: str, *, who: str, now: float, why: str = ""
    ) -> Switch | None:
        """Let the load decide again; returns the switch that was there. None: nothing changed."""

        async def clear(connection: AsyncConnection) -> Switch | None:
            await _lock(connection)
            before = await _taken_away(connection, kind, name, now)
            if before is not None:
                line = AuditLine(
                    at=now,
                    who=who,
                    act=act_of(None),
                    kind=kind,
                    name=name,
                    why=why,
                    before=values_of(before),
                )
                await write_down(connection, line)
            return before

        return await self._engines.transact(clear)

    async def audit(self, limit: int) -> list[AuditLine]:
        """The last changes, the newest first."""
        query = select(gate_audit).order_by(gate_audit.c.id.desc()).limit(limit)
        return [_line(row) for row in await self._engines.rows(query)]


def in_force(now: float) -> Select[Any]:
    """The query for the switches that have not ended by themselves."""
    until = switches.c.until
    return (
        select(switches)
        .where(or_(until.is_(None), until > now))
        .order_by(switches.c.kind, switches.c.name)
    )


def to_switch(row: RowMapping) -> Switch:
    """The switch that a row describes."""
    return Switch(
        kind=Kind(row["kind"]),
        name=row["name"],
        rate=float(row["rate"]),
        who=row["who"],
        at=float(row["at"]),
        why=row["why"],
        until=None if row["until"] is None else float(row["until"]),
    )


async def write_down(connection: AsyncConnection, line: AuditLine) -> None:
    """Add a line to the audit trail, in the transaction of the change itself."""
    await connection.execute(insert(gate_audit).values(asdict(line)))


async def _replace(connection: AsyncConnection, switch: Switch) -> Switch | None:
    await _lock(connection)
    before = await _taken_away(connection, switch.kind, switch.name, switch.at)
    await connection.execute(insert(switches).values(asdict(switch)))
    line = AuditLine(
        at=switch.at,
        who=switch.who,
        act=act_of(switch),
        kind=switch.kind,
        name=switch.name,
        why=switch.why,
        before=values_of(before),
        after=values_of(switch),
    )
    await write_down(connection, line)
    return before


async def _lock(connection: AsyncConnection) -> None:
    """Two operators at once take turns, so that each `before` is what the other left."""
    row = select(counters.c.value).where(counters.c.name == "switches").with_for_update()
    await connection.execute(row)


async def _taken_away(
    connection: AsyncConnection, kind: Kind, name: str, now: float
) -> Switch | None:
    """The switch that was in force, whose row is gone now."""
    place = (switches.c.kind == kind, switches.c.name == name)
    row = (await connection.execute(select(switches).where(*place))).mappings().one_or_none()
    if row is None:
        return None
    await connection.execute(delete(switches).where(*place))
    switch = to_switch(row)
    return switch if switch.holds(now) else None


def _line(row: RowMapping) -> AuditLine:
    return AuditLine(
        at=float(row["at"]),
        who=row["who"],
        act=row["act"],
        kind=row["kind"],
        name=row["name"],
        why=row["why"],
        before=row["before"],
        after=row["after"],
    )
