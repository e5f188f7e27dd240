"""The operator's switches: what holds until when, and a line in the audit trail for each change."""

import asyncio

import pytest
from sqlalchemy import delete, select

from autoscaling.gates import NO_SWITCHES, Switches
from serve.jobs.sql_store import SqlJobStore
from serve.jobs.switch import Kind, Switch, values_of
from serve.jobs.tables import gate_audit, switches

ROUNDS = 10


def switch(kind: Kind = Kind.TIER, name: str = "new", **fields: object) -> Switch:
    values: dict[str, object] = {
        "kind": kind,
        "name": name,
        "rate": 0.0,
        "who": "ann@desk",
        "at": 1_000.5,
        "why": "a flood",
    }
    return Switch(**{**values, **fields})  # type: ignore[arg-type]


async def test_nothing_is_switched_at_first(store: SqlJobStore) -> None:
    assert await store.switches(0.0) == NO_SWITCHES
    assert await store.audit(10) == []


async def test_what_is_switched_is_what_the_policy_gets(store: SqlJobStore) -> None:
    for each in (
        switch(rate=0.25),
        switch(name="free"),
        switch(Kind.MODEL, "wan"),
        switch(Kind.REGION, "kr"),
        switch(Kind.SIGN_UPS, "us"),
    ):
        assert await store.set_switch(each) is None
    expected = Switches(
        rates={"new": 0.25, "free": 0.0},
        closed_models=frozenset({"wan"}),
        closed_regions=frozenset({"kr"}),
    )
    assert await store.switches(1_001.0) == expected
    await store.set_switch(switch(Kind.EVERYBODY, ""))
    assert (await store.switches(1_001.0)).everybody == 0.0


async def test_a_switch_takes_the_place_of_the_one_before(store: SqlJobStore) -> None:
    first, second = switch(rate=0.5), switch(rate=0.1, at=1_010.0)
    await store.set_switch(first)
    assert await store.set_switch(second) == first
    assert await store.switches_in_force(1_011.0) == [second]
    cleared = await store.clear_switch(Kind.TIER, "new", who="bob@desk", now=1_020.0, why="calm")
    assert cleared == second
    assert await store.switches(1_021.0) == NO_SWITCHES
    lines = await store.audit(10)
    assert [(line.who, line.act, line.at) for line in lines] == [
        ("bob@desk", "open", 1_020.0),
        ("ann@desk", "limit", 1_010.0),
        ("ann@desk", "limit", 1_000.5),
    ]
    assert (lines[0].before, lines[0].after, lines[0].why) == (values_of(second), None, "calm")
    assert (lines[1].before, lines[1].after) == (values_of(first), values_of(second))
    assert len(await store.audit(2)) == 2


async def test_opening_what_is_open_is_no_change(store: SqlJobStore) -> None:
    assert await store.clear_switch(Kind.TIER, "new", who="ann", now=1.0) is None
    assert await store.audit(10) == []


async def test_a_switch_ends_by_itself(store: SqlJobStore) -> None:
    await store.set_switch(switch(until=1_060.0))
    assert (await store.switches(1_059.9)).rates == {"new": 0.0}
    assert await store.switches(1_060.0) == NO_SWITCHES
    again = switch(at=1_100.0)
    assert await store.set_switch(again) is None, "what has ended is not there any more"
    assert await store.switches_in_force(9e9) == [again]


async def test_a_change_that_cannot_be_written_down_is_not_made(store: SqlJobStore) -> None:
    """The audit trail is no afterthought: both or neither."""
    async with store.engines.writer.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE gate_audit RENAME TO elsewhere")
    with pytest.raises(Exception, match="gate_audit"):
        await store.set_switch(switch())
    assert await store.switches_in_force(1_001.0) == []


async def test_two_operators_at_once_see_what_the_other_left(
    store: SqlJobStore, second_store: SqlJobStore
) -> None:
    for _ in range(ROUNDS):
        before = await asyncio.gather(
            store.set_switch(switch(rate=0.2, who="ann")),
            second_store.set_switch(switch(rate=0.4, who="bob")),
        )
        assert [each is None for each in sorted(before, key=lambda each: each is not None)] == [
            True,
            False,
        ]
        last, first = await store.audit(2)
        [standing] = await store.switches_in_force(1_001.0)
        assert last.before == first.after
        assert last.after == values_of(standing)
        async with store.engines.writer.begin() as connection:
            await connection.execute(delete(switches))
    assert len(await store.engines.rows(select(gate_audit))) == 2 * ROUNDS
