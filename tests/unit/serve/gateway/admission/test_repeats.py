"""How the jobs of repeated requests are found while their senders are turned away."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from autoscaling.tiers import DEFAULT_TIERS
from serve.gateway.admission import repeats
from serve.gateway.admission.repeats import LEAST_A_MINUTE, Repeats
from serve.jobs.claims import ClaimedJob, ClaimName
from tests.unit.serve.gateway.conftest import JOB

NEW = DEFAULT_TIERS[0]
MINE = ("ann", "k")
FOUND = ClaimedJob(job=JOB, body_digest="d")


class Rows:
    """A database that counts its queries; `gate` holds its answers back."""

    def __init__(self) -> None:
        self.claims = {MINE: FOUND}
        self.queries: list[frozenset[ClaimName]] = []
        self.is_down = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def claimed(
        self, names: Collection[ClaimName], now: float
    ) -> Mapping[ClaimName, ClaimedJob]:
        self.queries.append(frozenset(names))
        await self.gate.wait()
        if self.is_down:
            raise ConnectionError
        return {name: self.claims[name] for name in names if name in self.claims}


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def found(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> Repeats:
    monkeypatch.setattr(repeats, "EVERY_S", 0.0)
    return Repeats(rows, DEFAULT_TIERS, now=lambda: 100.0)


async def test_a_job_is_found_whoever_stored_it(found: Repeats) -> None:
    assert await found.find(MINE, "new") == FOUND
    assert await found.find(("ann", "other"), "new") is None
    assert await found.find(("bob", "k"), "new") is None


async def test_all_who_come_while_one_is_asked_for_go_together(found: Repeats, rows: Rows) -> None:
    rows.gate.clear()
    first = asyncio.create_task(found.find(("ann", "first"), "new"))
    while not rows.queries:
        await asyncio.sleep(0)
    crowd = [asyncio.create_task(found.find((f"person {n}", "k"), "new")) for n in range(50)]
    crowd += [asyncio.create_task(found.find(MINE, "new")) for _ in range(2)]
    await asyncio.sleep(0)
    rows.gate.set()
    assert await first is None
    assert (await asyncio.gather(*crowd))[-2:] == [FOUND, FOUND]
    assert [len(query) for query in rows.queries] == [1, 51]


async def test_fresh_keys_are_not_looked_for_without_end(found: Repeats, rows: Rows) -> None:
    """Each of the jobs that its tier allows can be asked for within a minute, and no more."""
    assert NEW.max_outstanding >= LEAST_A_MINUTE
    for number in range(3 * NEW.max_outstanding):
        assert await found.find(("eve", f"fresh {number}"), NEW.name) is None
    assert len(rows.queries) == NEW.max_outstanding
    assert await found.find(MINE, "new") == FOUND, "others are as before"


async def test_who_is_shed_need_not_wait_for_the_database(
    found: Repeats, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows.is_down = True
    assert await found.find(MINE, "new") is None
    monkeypatch.setattr(repeats, "PATIENCE_S", 0.01)
    rows.gate.clear()
    assert await found.find(MINE, "new") is None
    rows.gate.set()
    rows.is_down = False
    assert await found.find(MINE, "new") == FOUND


async def test_a_client_who_hangs_up_takes_no_others_along(found: Repeats, rows: Rows) -> None:
    rows.gate.clear()
    gone = asyncio.create_task(found.find(MINE, "new"))
    while not rows.queries:
        await asyncio.sleep(0)
    gone.cancel()
    still_here = asyncio.create_task(found.find(MINE, "new"))
    await asyncio.sleep(0)
    rows.gate.set()
    assert await still_here == FOUND
