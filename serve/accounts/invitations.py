"""Invitations in SQL: codes that let so many in past the waitlist, until they are used or end."""

from dataclasses import asdict, dataclass, replace

from sqlalchemy import insert, or_, select, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from autoscaling.newcomers import Invite
from serve.accounts.tables import invites
from serve.jobs.database import Engines
from serve.jobs.switch import AuditLine
from serve.jobs.switches import write_down


class InvitationExists(ValueError):
    """There is an invitation with this code already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A code, how many may come in with it, and how many did; times are Unix seconds."""

    code: str
    entries: int
    who: str
    """Who made it."""
    at: float
    until: float | None = None
    used: int = 0
    revoked_at: float | None = None


class Invitations:
    """What operators do with codes; every change is in the audit trail."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    async def create(self, invitation: Invitation, why: str = "") -> None:
        """Store a new one; raises `InvitationExists`."""

        async def store(connection: AsyncConnection) -> None:
            await connection.execute(insert(invites).values(asdict(invitation)))
            line = _line("invite", invitation.code, invitation.who, invitation.at, why)
            after = {"entries": invitation.entries, "until": invitation.until}
            await write_down(connection, replace(line, after=after))

        try:
            await self._engines.transact(store)
        except IntegrityError as error:
            raise InvitationExists(f"there is an invitation {invitation.code} already") from error

    async def list(self) -> list[Invitation]:
        """All, the oldest first."""
        query = select(invites).order_by(invites.c.at, invites.c.code)
        return [_invitation(row) for row in await self._engines.rows(query)]

    async def revoke(self, code: str, *, who: str, now: float, why: str = "") -> bool:
        """Let nobody in with it from now on; False if there is none, or it is revoked already."""

        async def end(connection: AsyncConnection) -> bool:
            statement = (
                update(invites)
                .where(invites.c.code == code, invites.c.revoked_at.is_(None))
                .values(revoked_at=now)
            )
            if (await connection.execute(statement)).rowcount == 0:
                return False
            await write_down(connection, _line("revoke", code, who, now, why))
            return True

        return await self._engines.transact(end)


async def invite_of(connection: AsyncConnection, code: str) -> Invite:
    """The invitation as the decision takes it; one that is not there has no entries."""
    query = select(invites).where(invites.c.code == code, invites.c.revoked_at.is_(None))
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return Invite(code=code, entries_left=0)
    until = row["until"]
    return Invite(
        code=code,
        entries_left=row["entries"] - row["used"],
        expires_at=float("inf") if until is None else float(until),
    )


async def use_invite(connection: AsyncConnection, code: str, now: float) -> bool:
    """Take one entry of it; False if there is none left, whatever was read before."""
    statement = (
        update(invites)
        .where(
            invites.c.code == code,
            invites.c.used < invites.c.entries,
            invites.c.revoked_at.is_(None),
            or_(invites.c.until.is_(None), invites.c.until > now),
        )
        .values(used=invites.c.used + 1)
    )
    return (await connection.execute(statement)).rowcount == 1


def _line(act: str, code: str, who: str, at: float, why: str) -> AuditLine:
    return AuditLine(at=at, who=who, act=act, kind="invite", name=code, why=why)


def _invitation(row: RowMapping) -> Invitation:
    until, revoked_at = row["until"], row["revoked_at"]
    return Invitation(
        code=row["code"],
        entries=row["entries"],
        who=row["who"],
        at=float(row["at"]),
        until=None if until is None else float(until),
        used=row["used"],
        revoked_at=None if revoked_at is None else float(revoked_at),
    )
