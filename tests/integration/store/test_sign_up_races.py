"""Two processes' worth of connections at the same door: nobody gets in twice, or past the end."""

import asyncio
from dataclasses import replace

import pytest

from autoscaling.newcomers import Entry
from serve.accounts.accounts import Accounts
from serve.accounts.invitations import Invitation, InvitationExists, Invitations
from serve.accounts.newcomer import NotLetIn, Opened, Place, SignUp
from serve.accounts.newcomers import Newcomers, open_newcomers
from serve.accounts.roster import AccountExists
from serve.jobs.sql_store import SqlJobStore
from tests.integration.store.crowd import ROOM, RULES, T, full, waits

ROUNDS = 8
CODE = Invitation(code="early", entries=1, who="op@desk", at=T)


@pytest.fixture
def others(second_store: SqlJobStore) -> Newcomers:
    return open_newcomers(second_store.engines)


async def invited(newcomers: Newcomers, name: str, now: float = T) -> Opened | Entry:
    """The account, or why there is none."""
    try:
        found = await newcomers.sign_up(SignUp(name=name, invite=CODE.code), RULES, now)
    except NotLetIn as refused:
        return refused.entry
    assert isinstance(found, Opened)
    return found


async def test_the_last_entry_of_an_invitation_is_taken_once(
    newcomers: Newcomers, others: Newcomers, store: SqlJobStore
) -> None:
    invitations = Invitations(store.engines)
    for number in range(ROUNDS):
        code = f"early{number}"
        await invitations.create(replace(CODE, code=code))
        found = await asyncio.gather(
            newcomers.sign_up(SignUp(name=f"a{number}", invite=code), RULES, T),
            others.sign_up(SignUp(name=f"b{number}", invite=code), RULES, T),
            return_exceptions=True,
        )
        assert sorted(type(each).__name__ for each in found) == ["NotLetIn", "Opened"]
    assert {each.used for each in await invitations.list()} == {1}


async def test_the_last_entry_of_the_bucket_is_taken_once(
    newcomers: Newcomers, others: Newcomers
) -> None:
    """Two entries from the start, six at the door."""
    names = [f"n{number}" for number in range(6)]
    found = await asyncio.gather(
        *(
            (newcomers if number % 2 else others).sign_up(SignUp(name=name), RULES, T + number)
            for number, name in enumerate(names)
        ),
        return_exceptions=True,
    )
    kinds = sorted(type(each).__name__ for each in found)
    assert kinds == ["Opened", "Opened", "Place", "Place", "Place", "Place"]


async def test_one_name_has_one_place(newcomers: Newcomers, others: Newcomers) -> None:
    await full(newcomers)
    found = await asyncio.gather(
        newcomers.sign_up(SignUp(name="ann"), RULES, T),
        others.sign_up(SignUp(name="ann"), RULES, T),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in found) == ["NameWaits", "Place"]
    assert len(await newcomers.waitlist(RULES, 9)) == 1


async def test_a_place_is_called_once(
    newcomers: Newcomers, others: Newcomers, store: SqlJobStore
) -> None:
    """By two operators and the Scheduler at the same time."""
    epoch = await store.take_epoch()
    await full(newcomers)
    for number in range(3):
        await waits(newcomers, f"n{number}", T + number)
    await newcomers.look(ROOM, RULES, epoch, T + 10)
    by_hand, by_other_hand, looked = await asyncio.gather(
        newcomers.call(1, who="ann", now=T + 5_000),
        others.call(1, who="bob", now=T + 5_000),
        others.look(ROOM, RULES, epoch, T + 5_000),
    )
    assert looked is not None
    places = {place.id: place.name for place in await newcomers.waitlist(RULES, 9)}
    called = [*by_hand, *by_other_hand, *(places[each] for each in looked.called)]
    assert sorted(called) == ["n0", "n1", "n2"]


async def test_two_claims_leave_one_account_and_one_key(
    newcomers: Newcomers, others: Newcomers, accounts: Accounts
) -> None:
    await full(newcomers)
    place = await waits(newcomers, "ann", T + 1)
    await newcomers.call(1, who="ann", now=T + 2)
    both = await asyncio.gather(
        newcomers.claim(place.id, place.token or "", RULES, T + 3),
        others.claim(place.id, place.token or "", RULES, T + 3),
    )
    assert both[0].account == both[1].account
    good = [each.key for each in both if await accounts.authenticate(each.key)]
    assert len(good) == 1


async def test_an_invitation_leads_past_the_list_while_it_lasts(
    newcomers: Newcomers, store: SqlJobStore, accounts: Accounts
) -> None:
    invitations = Invitations(store.engines)
    await invitations.create(replace(CODE, entries=2, until=T + 100))
    with pytest.raises(InvitationExists):
        await invitations.create(CODE)
    await full(newcomers)
    ann = await waits(newcomers, "ann", T + 1)
    bob = await invited(newcomers, "bob", T + 2)
    assert isinstance(bob, Opened)
    assert bob.account.invite == "early"
    with pytest.raises(AccountExists):
        await invited(newcomers, "bob", T + 2)
    asked = SignUp(name="ann", invite="early", token=ann.token)
    assert isinstance(await newcomers.sign_up(asked, RULES, T + 3), Opened)
    assert await newcomers.waitlist(RULES, 9) == [], "whoever waited is in, and waits no more"
    assert await invited(newcomers, "cid", T + 4) is Entry.NO_INVITE
    assert await accounts.find_account("cid") is None


async def test_invitations_end_and_are_revoked(newcomers: Newcomers, store: SqlJobStore) -> None:
    invitations = Invitations(store.engines)
    assert await invited(newcomers, "ann") is Entry.NO_INVITE, "there is none"
    await invitations.create(replace(CODE, entries=5, until=T + 100), why="the press")
    assert isinstance(await invited(newcomers, "bob", T + 99), Opened)
    assert await invited(newcomers, "cid", T + 100) is Entry.NO_INVITE
    assert await invitations.revoke("early", who="op@desk", now=T + 50, why="leaked")
    assert not await invitations.revoke("early", who="op@desk", now=T + 51)
    assert not await invitations.revoke("none", who="op@desk", now=T + 51)
    assert await invited(newcomers, "cid", T + 60) is Entry.NO_INVITE
    [code] = await invitations.list()
    assert (code.used, code.revoked_at) == (1, T + 50)
    lines = [(line.act, line.name, line.why) for line in await store.audit(9)]
    assert lines == [("revoke", "early", "leaked"), ("invite", "early", "the press")]


async def test_a_call_by_hand_is_written_down(newcomers: Newcomers, store: SqlJobStore) -> None:
    await full(newcomers)
    place = await waits(newcomers, "ann", T + 1)
    assert isinstance(place, Place)
    assert await newcomers.call(3, who="op@desk", now=T + 2, why="a friend") == ["ann"]
    assert await newcomers.call(3, who="op@desk", now=T + 3) == []
    [line] = await store.audit(9)
    assert (line.act, line.kind, line.name) == ("call", "waitlist", "ann")
    assert (line.who, line.why) == ("op@desk", "a friend")
