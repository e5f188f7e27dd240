"""Sign-ups: at once while there is room, then in the order of asking."""

from dataclasses import replace

import pytest

from serve.accounts.accounts import Accounts
from serve.accounts.newcomer import (
    NameWaits,
    Opened,
    SignUp,
    UnknownPlace,
    WaitlistFull,
)
from serve.accounts.newcomers import Newcomers
from serve.accounts.roster import AccountExists
from serve.jobs.sql_store import SqlJobStore, open_store
from tests.contract.statements import statements
from tests.integration.store.crowd import (
    FULL,
    ROOM,
    RULES,
    T,
    door,
    full,
    opened,
    waits,
)
from tests.unit.autoscaling.loads import load_of


async def test_a_fresh_service_lets_the_first_ones_in_at_once(
    newcomers: Newcomers, accounts: Accounts
) -> None:
    one = await opened(newcomers, "ann")
    assert one.account.tier == "new"
    proved = await accounts.authenticate(one.key)
    assert proved is not None
    assert proved.account == one.account
    await opened(newcomers, "bob")
    place = await waits(newcomers, "cid")
    assert (place.position, place.expected_at, place.called_at) == (0, None, None)
    assert place.token is not None
    assert place.token.startswith("fgw_")


async def test_who_has_no_token_to_show_waits_for_no_lock(
    newcomers: Newcomers, store: SqlJobStore
) -> None:
    with statements(store.engines) as told, pytest.raises(UnknownPlace):
        await newcomers.claim("place_x", "fgw_x", RULES, T)
    assert any("waitlist" in text for text in told)
    assert not [text for text in told if "counters" in text or "IMMEDIATE" in text]


async def test_a_look_before_any_gang_is_up_keeps_the_first_entries(
    newcomers: Newcomers, store: SqlJobStore
) -> None:
    epoch = await store.take_epoch()
    nothing = replace(ROOM, load=load_of(gpus=0.0))
    await newcomers.look(nothing, RULES, epoch, T)
    await newcomers.look(nothing, RULES, epoch, T + 5)
    await full(newcomers)
    await waits(newcomers, "cid")


async def test_the_list_is_called_in_the_order_of_asking(
    newcomers: Newcomers, store: SqlJobStore
) -> None:
    epoch = await store.take_epoch()
    await full(newcomers)
    places = [await waits(newcomers, name, T + at) for at, name in enumerate("abc")]
    assert [place.position for place in places] == [0, 1, 2]
    first = await newcomers.look(ROOM, RULES, epoch, T + 10)
    assert first is not None
    assert (first.called, first.waiting) == ((), 3), "the bucket was emptied by the first two"
    told = await newcomers.place(places[1].id, places[1].token or "", RULES, T + 10)
    assert told.expected_at == pytest.approx(T + 10 + 2 / first.sign_ups.rate)
    looked = await newcomers.look(ROOM, RULES, epoch, T + 10 + 2.5 / first.sign_ups.rate)
    assert looked is not None
    assert looked.called == (places[0].id, places[1].id)
    assert looked.sign_ups.entries == pytest.approx(0.5)
    last = await newcomers.place(places[2].id, places[2].token or "", RULES, T + 200)
    assert last.position == 0


async def test_nobody_passes_those_who_wait(newcomers: Newcomers, store: SqlJobStore) -> None:
    epoch = await store.take_epoch()
    await full(newcomers)
    ann = await waits(newcomers, "ann", T + 1)
    stored = await store.recall("sign_ups")
    assert stored is None
    await newcomers.look(FULL, RULES, epoch, T + 2)
    await newcomers.look(ROOM, RULES, epoch, T + 3)
    for _ in range(3):
        again = await waits(newcomers, "ann", T + 4, token=ann.token or "")
        assert (again.id, again.position, again.token) == (ann.id, 0, None)
    assert (await waits(newcomers, "bob", T + 5)).position == 1
    with pytest.raises(NameWaits):
        await newcomers.sign_up(SignUp(name="ann"), RULES, T + 6)
    with pytest.raises(NameWaits):
        await newcomers.sign_up(SignUp(name="ann", token="fgw_guess"), RULES, T + 6)
    assert [place.name for place in await newcomers.waitlist(RULES, 9)] == ["ann", "bob"]


async def test_a_flood_stops_the_calls(newcomers: Newcomers, store: SqlJobStore) -> None:
    epoch = await store.take_epoch()
    await full(newcomers)
    await waits(newcomers, "ann", T + 1)
    for minute in range(10):
        looked = await newcomers.look(FULL, RULES, epoch, T + 60 * minute)
        assert looked is not None
        assert (looked.called, looked.sign_ups.rate) == ((), 0.0)
    assert looked.sign_ups.openness == pytest.approx(0.95**9)


async def test_what_gateways_took_is_paid_by_the_bucket(
    newcomers: Newcomers, store: SqlJobStore, url: str
) -> None:
    epoch = await store.take_epoch()
    before = await newcomers.look(ROOM, RULES, epoch, T)
    assert before is not None
    assert before.sign_ups.entries == 2.0
    await opened(newcomers, "ann")
    other = open_store(url)
    assert (await Newcomers(other.engines).bucket(RULES, T)).entries == 1.0
    await other.close()
    after = await newcomers.look(ROOM, RULES, epoch, T)
    assert after is not None
    assert after.sign_ups.entries == 1.0
    assert (await newcomers.bucket(RULES, T)).entries == 1.0
    assert (await store.recall("sign_ups"))["taken"] == 1


async def test_an_older_scheduler_calls_nobody(newcomers: Newcomers, store: SqlJobStore) -> None:
    old = await store.take_epoch()
    await store.take_epoch()
    assert await newcomers.look(ROOM, RULES, old, T) is None
    assert await store.recall("sign_ups") is None


async def test_the_list_is_bounded(newcomers: Newcomers) -> None:
    await full(newcomers)
    for number in range(4):
        await waits(newcomers, f"n{number}", T + number)
    with pytest.raises(WaitlistFull):
        await newcomers.sign_up(SignUp(name="n4"), RULES, T + 5)


async def test_taken_names_are_refused_before_they_wait(newcomers: Newcomers) -> None:
    await full(newcomers)
    with pytest.raises(AccountExists):
        await newcomers.sign_up(SignUp(name="first"), RULES, T)
    assert await newcomers.waitlist(RULES, 9) == []


async def test_without_the_gate_nobody_waits(newcomers: Newcomers, store: SqlJobStore) -> None:
    epoch = await store.take_epoch()
    await full(newcomers)
    place = await waits(newcomers, "ann", T + 1)
    ungated = door(gate=False)
    for number in range(5):
        found = await newcomers.sign_up(SignUp(name=f"n{number}"), ungated, T + 2)
        assert isinstance(found, Opened)
    looked = await newcomers.look(FULL, ungated, epoch, T + 3)
    assert looked is not None
    assert looked.called == (place.id,)
