"""Places on the waitlist: kept over everything, and claimed by those whose they are."""

from dataclasses import replace

import pytest

from autoscaling.newcomers import Entry
from serve.accounts.accounts import Accounts, open_accounts
from serve.accounts.newcomer import (
    Claimed,
    NotCalled,
    NotLetIn,
    Opened,
    RegionNeeded,
    SignUp,
    UnknownPlace,
)
from serve.accounts.newcomers import Newcomers
from serve.accounts.roster import AccountExists
from serve.jobs.sql_store import SqlJobStore, open_store
from serve.jobs.switch import Kind
from tests.integration.store.crowd import (
    FULL,
    ROOM,
    RULES,
    T,
    called,
    close_region,
    door,
    full,
    waits,
)


async def test_a_claim_may_be_repeated_until_its_key_is_used(
    newcomers: Newcomers, accounts: Accounts
) -> None:
    await full(newcomers)
    place = await waits(newcomers, "ann", T + 1)
    token = place.token or ""
    with pytest.raises(NotCalled) as early:
        await newcomers.claim(place.id, token, RULES, T + 2)
    assert early.value.place.position == 0
    await newcomers.call(1, who="op@desk", now=T + 10)
    told = await newcomers.place(place.id, token, RULES, T + 11)
    assert (told.called_at, told.claim_by, told.position) == (T + 10, T + 110, None)
    lost = await newcomers.claim(place.id, token, RULES, T + 12)
    kept = await newcomers.claim(place.id, token, RULES, T + 13)
    assert kept.account == lost.account
    assert await accounts.authenticate(lost.key) is None
    proved = await accounts.authenticate(kept.key)
    assert proved is not None
    assert proved.key_id is not None
    await accounts.note_use(proved.key_id, T + 14)
    with pytest.raises(Claimed):
        await newcomers.claim(place.id, token, RULES, T + 15)
    assert await accounts.authenticate(kept.key)
    assert (await newcomers.place(place.id, token, RULES, T + 16)).account_id == kept.account.id
    assert [account.name for account in await accounts.list_accounts()].count("ann") == 1


async def test_a_place_is_proved_by_its_token(newcomers: Newcomers) -> None:
    await full(newcomers)
    place = await called(newcomers, "ann")
    for place_id, token in ((place.id, "fgw_guess"), ("place_0", place.token or "")):
        with pytest.raises(UnknownPlace):
            await newcomers.place(place_id, token, RULES, T)
        with pytest.raises(UnknownPlace):
            await newcomers.claim(place_id, token, RULES, T)


async def test_a_name_that_was_given_away_meanwhile(
    newcomers: Newcomers, accounts: Accounts
) -> None:
    await full(newcomers)
    place = await called(newcomers, "ann")
    await accounts.create_account("ann", "pro", T + 11)
    with pytest.raises(AccountExists):
        await newcomers.claim(place.id, place.token or "", RULES, T + 12)


async def test_a_call_that_nobody_answers_is_given_up(
    newcomers: Newcomers, store: SqlJobStore
) -> None:
    epoch = await store.take_epoch()
    await full(newcomers)
    ann, bob = await called(newcomers, "ann"), await called(newcomers, "bob")
    await newcomers.claim(bob.id, bob.token or "", RULES, T + 11)
    await newcomers.look(FULL, RULES, epoch, T + 109)
    assert await newcomers.place(ann.id, ann.token or "", RULES, T + 109)
    await newcomers.look(FULL, RULES, epoch, T + 111)
    with pytest.raises(UnknownPlace):
        await newcomers.place(ann.id, ann.token or "", RULES, T + 111)
    assert await newcomers.place(bob.id, bob.token or "", RULES, T + 111)
    assert (await waits(newcomers, "ann", T + 120)).id != ann.id, "the name is free again"


async def test_closed_regions_keep_their_places(newcomers: Newcomers, store: SqlJobStore) -> None:
    epoch = await store.take_epoch()
    await full(newcomers)
    far = await waits(newcomers, "ann", T + 1, region="kr")
    near = await waits(newcomers, "bob", T + 2, region="us")
    await close_region(store, "kr")
    told = await newcomers.place(near.id, near.token or "", RULES, T + 3)
    assert told.position == 0
    looked = await newcomers.look(ROOM, RULES, epoch, T + 4)
    assert looked is not None
    looked = await newcomers.look(ROOM, RULES, epoch, T + 5 + 2 / looked.sign_ups.rate)
    assert looked is not None
    assert looked.called == (near.id,)
    kept = await newcomers.place(far.id, far.token or "", RULES, T + 500)
    assert (kept.position, kept.called_at, kept.expected_at) == (0, None, None)
    await store.clear_switch(Kind.SIGN_UPS, "kr", who="ann", now=T)
    looked = await newcomers.look(ROOM, RULES, epoch, T + 1_000)
    assert looked is not None
    assert looked.called == (far.id,)


@pytest.mark.parametrize("kind", [Kind.SIGN_UPS, Kind.REGION])
async def test_nobody_signs_up_from_a_closed_region(
    newcomers: Newcomers, store: SqlJobStore, kind: Kind
) -> None:
    await close_region(store, "kr", kind)
    with pytest.raises(NotLetIn) as refused:
        await newcomers.sign_up(SignUp(name="ann", region="kr"), RULES, T + 1)
    assert refused.value.entry is Entry.REGION_CLOSED
    with pytest.raises(RegionNeeded):
        await newcomers.sign_up(SignUp(name="ann"), RULES, T + 1)
    found = await newcomers.sign_up(SignUp(name="ann", region="us"), RULES, T + 1)
    assert isinstance(found, Opened)


async def test_while_signing_up_is_off_nobody_is_called(
    newcomers: Newcomers, store: SqlJobStore
) -> None:
    epoch = await store.take_epoch()
    await full(newcomers)
    place = await waits(newcomers, "ann", T + 1)
    for rules in (replace(RULES, signup=False), replace(door(gate=False), signup=False)):
        looked = await newcomers.look(ROOM, rules, epoch, T + 9_000)
        assert looked is not None
        assert looked.called == ()
    assert await newcomers.call(5, who="op@desk", now=T + 9_001) == ["ann"]
    assert await newcomers.claim(place.id, place.token or "", RULES, T + 9_002)


async def test_everything_survives_a_restart(
    newcomers: Newcomers, store: SqlJobStore, url: str
) -> None:
    epoch = await store.take_epoch()
    await full(newcomers)
    place = await waits(newcomers, "ann", T + 1)
    for at in (T + 60, T + 120):
        await newcomers.look(FULL, RULES, epoch, at)
    await store.close()
    later = open_store(url)
    epoch = await later.take_epoch()
    again = Newcomers(later.engines)
    looked = await again.look(ROOM, RULES, epoch, T + 180)
    assert looked is not None
    assert looked.sign_ups.openness == pytest.approx(0.96)
    told = await again.place(place.id, place.token or "", RULES, T + 181)
    assert (told.called_at, told.asked_at) == (T + 180, T + 1)
    assert await open_accounts(later.engines).find_account("first")
    await later.close()


async def test_a_clock_that_is_behind_gives_nobody_an_earlier_place(newcomers: Newcomers) -> None:
    await full(newcomers)
    places = [await waits(newcomers, name, T + at) for name, at in (("a", 9), ("b", 9), ("c", 1))]
    assert [place.position for place in places] == [0, 1, 2]
    assert await newcomers.call(3, who="op@desk", now=T + 10) == ["a", "b", "c"]
