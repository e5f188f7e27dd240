"""Sign-ups: as fast as there is room, in the order of asking, and slowly again after a flood."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.load import TierLoad
from autoscaling.newcomers import (
    Applicant,
    Entry,
    Invite,
    SignUpRule,
    SignUps,
    called,
    expected_in_s,
    full_rate,
    signs_up,
)
from tests.unit.autoscaling.loads import load_of

RULE = SignUpRule()
IDLE = load_of()
ANN = Applicant(id="ann", asked_at=100.0, region="eu")
ROOM = SignUps(entries=2.5, openness=1.0, rate=0.01, at=0.0)


def test_the_worked_numbers() -> None:
    load = load_of(free=TierLoad(sustained_gpu_s_per_s=0.85 * 16 - 4))
    assert full_rate(load, 150.0, RULE) * 3600 == pytest.approx(21.3, abs=0.1)
    full = load_of(free=TierLoad(sustained_gpu_s_per_s=14.0))
    assert full_rate(full, 150.0, RULE) == 0.0


def test_entries_are_saved_up_for_an_hour() -> None:
    later = SignUps.first(0.0).after(IDLE, 0.0, 150.0, 600.0, RULE)
    assert later.entries == pytest.approx(600 * 13.6 / 675)
    full = later.after(IDLE, 0.0, 150.0, 1e6, RULE)
    assert full.entries == pytest.approx(3_600 * 13.6 / 675)


def test_a_small_service_may_save_up_more_than_its_rate_allows() -> None:
    rule = replace(RULE, least_burst=10.0)
    nothing = load_of(gpus=0.0)
    waiting = SignUps.first(0.0, entries=10.0).after(nothing, 0.0, 150.0, 600.0, rule)
    assert waiting.entries == 10.0, "the first entries wait for the first gang"
    flooded = replace(ROOM, entries=500.0).after(nothing, 2.0, 150.0, 600.0, rule)
    assert flooded.entries == 10.0, "what was saved up in better times is gone"


def test_a_flood_closes_it_fast_and_it_reopens_slowly() -> None:
    flooded = SignUps.first(0.0).after(IDLE, 1.5, 150.0, 600.0, RULE)
    assert flooded.openness == pytest.approx(0.95**10)
    calm = flooded.after(IDLE, 0.2, 150.0, 1_200.0, RULE)
    assert calm.openness == pytest.approx(flooded.openness + 0.1)
    assert calm.after(IDLE, 0.2, 150.0, 1e5, RULE).openness == 1.0


def test_who_comes_while_there_is_room_gets_in() -> None:
    assert signs_up(ANN, waiting=0, sign_ups=ROOM, rule=RULE) is Entry.OPENED


def test_nobody_passes_those_who_wait_by_trying_again() -> None:
    assert signs_up(ANN, waiting=1, sign_ups=ROOM, rule=RULE) is Entry.WAITLIST
    empty = replace(ROOM, entries=0.9)
    assert signs_up(ANN, waiting=0, sign_ups=empty, rule=RULE) is Entry.WAITLIST


def test_an_invitation_is_good_while_it_has_entries() -> None:
    def entry(invite: Invite, rule: SignUpRule = RULE) -> Entry:
        return signs_up(ANN, waiting=9, sign_ups=ROOM, rule=rule, invite=invite)

    good = Invite(code="x", entries_left=1)
    assert entry(good) is Entry.INVITED
    assert entry(replace(good, entries_left=0)) is Entry.NO_INVITE
    assert entry(replace(good, expires_at=100.0)) is Entry.NO_INVITE
    assert entry(good, SignUpRule(closed_regions=frozenset({"eu"}))) is Entry.REGION_CLOSED
    assert entry(good, SignUpRule(enabled=False)) is Entry.CLOSED


def test_the_list_is_called_in_order_and_closed_regions_keep_their_place() -> None:
    people = [replace(ANN, id=name, asked_at=at) for name, at in (("c", 3), ("a", 1), ("b", 2))]
    people.append(Applicant(id="far", asked_at=0.0, region="mars"))
    rule = SignUpRule(closed_regions=frozenset({"mars"}))
    let_in, left = called(people, ROOM, rule)
    assert [each.id for each in let_in] == ["a", "b"]
    assert left.entries == pytest.approx(0.5)
    assert called(people, ROOM, SignUpRule(enabled=False)) == ([], ROOM)


def test_when_somebody_may_expect_to_get_in() -> None:
    assert expected_in_s(1, ROOM) == 0.0
    assert expected_in_s(2, ROOM) == pytest.approx(50.0)
    assert expected_in_s(9, replace(ROOM, rate=0.0)) is None


@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 900), st.booleans()), max_size=30),
    st.lists(st.integers(0, 50), max_size=20),
)
def test_no_more_get_in_than_the_spare_gpus_bear(
    looks: list[tuple[float, float, bool]], asked: list[int]
) -> None:
    sign_ups, now, opened = SignUps.first(0.0), 0.0, 0
    waitlist = [Applicant(id=str(n), asked_at=float(at)) for n, at in enumerate(asked)]
    for level, pause_s, calls in looks:
        now += pause_s
        sign_ups = sign_ups.after(IDLE, level, 150.0, now, RULE)
        assert 0 <= sign_ups.openness <= 1
        if calls:
            let_in, sign_ups = called(waitlist, sign_ups, RULE)
            opened += len(let_in)
            waitlist = [each for each in waitlist if each not in let_in]
        assert sign_ups.entries >= -1e-9
    assert opened <= now * full_rate(IDLE, 150.0, RULE) + 1e-6
