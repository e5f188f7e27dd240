"""Which of the free gangs a job gets."""

from autoscaling.placement import (
    FreeGangs,
    PlacementRule,
    Progress,
    place,
    place_by_need,
    place_higher,
)

SINGLE = FreeGangs(shape="1", devices=1, num_free=3)
PAIR = FreeGangs(shape="tp2", devices=2, num_free=1)


def test_the_largest_free_gang_comes_first() -> None:
    assert place([SINGLE, PAIR]) is PAIR


def test_a_smaller_one_will_do_when_the_largest_is_busy() -> None:
    busy = FreeGangs(shape="tp4", devices=4, num_free=0)
    more_wanted_than_free = FreeGangs(shape="tp8", devices=8, num_free=-1)
    assert place([SINGLE, busy, PAIR, more_wanted_than_free]) is PAIR


def test_nothing_free_is_no_place() -> None:
    assert place([]) is None
    assert place([FreeGangs(shape="1", devices=1, num_free=0)]) is None


def test_shapes_of_one_size_are_always_chosen_alike() -> None:
    other = FreeGangs(shape="cfg2", devices=2, num_free=1)
    assert place([PAIR, other]) is place([other, PAIR]) is PAIR


QUAD = FreeGangs(shape="tp4", devices=4, num_free=1)
RULE = PlacementRule(standard_devices=4)
ALL = [SINGLE, PAIR, QUAD]


def by_need(
    free: list[FreeGangs], *, paid: bool = False, time_left_s: float = 1e4, drain_s: float = 300.0
) -> FreeGangs | None:
    """A job of 400 GPU-seconds."""
    return place_by_need(
        free,
        paid=paid,
        time_left_s=time_left_s,
        seconds_on=lambda devices: 400 / devices,
        drain_s=drain_s,
        rule=RULE,
    )


def test_a_paid_job_gets_its_standard_or_waits() -> None:
    assert by_need(ALL, paid=True) is QUAD
    assert by_need([SINGLE, PAIR], paid=True, time_left_s=249.0) is None
    assert by_need([SINGLE, PAIR], paid=True, time_left_s=100.0) is None


def test_a_paid_job_begins_on_less_where_it_is_in_time_on_it() -> None:
    assert by_need([SINGLE, PAIR], paid=True, time_left_s=250.0) is PAIR
    assert by_need([SINGLE], paid=True, time_left_s=500.0) is SINGLE


def test_a_paid_job_that_is_late_anyway_leaves_no_gang_idle() -> None:
    assert by_need([SINGLE, PAIR], paid=True, time_left_s=99.0) is PAIR
    assert by_need(ALL, paid=True, time_left_s=-5.0) is QUAD


def test_others_get_the_smallest_on_which_they_are_in_time() -> None:
    assert by_need(ALL, time_left_s=500.0) is SINGLE
    assert by_need(ALL, time_left_s=499.0) is PAIR
    assert by_need(ALL, time_left_s=249.0) is QUAD
    assert by_need(ALL, time_left_s=1.0) is QUAD
    assert by_need([SINGLE, PAIR], time_left_s=1.0) is PAIR


def test_while_little_waits_everybody_gets_the_largest() -> None:
    assert by_need(ALL, drain_s=39.0) is QUAD


def test_nothing_free_is_no_place_by_need_either() -> None:
    none_free = [FreeGangs(shape="1", devices=1, num_free=0)]
    assert by_need(none_free) is by_need(none_free, paid=True) is by_need([], drain_s=0.0) is None


def on_one(**numbers: int) -> Progress:
    """A job of 100 GPU-seconds that are left, on a gang of one."""
    facts = {"devices": 1, "steps_here": 10, "steps_left": 20} | numbers
    return Progress(seconds_on=lambda devices: 100 / devices, **facts)


def test_a_running_job_moves_to_a_larger_gang_that_nobody_needs() -> None:
    assert place_higher(on_one(), ALL, RULE) is QUAD
    assert place_higher(on_one(devices=2), ALL, RULE) is QUAD


def test_it_stays_where_moving_gains_nothing_or_too_little() -> None:
    assert place_higher(on_one(devices=4), ALL, RULE) is None
    assert place_higher(on_one(), [SINGLE], RULE) is None
    short = Progress(devices=1, steps_here=9, steps_left=9, seconds_on=lambda devices: 12 / devices)
    assert place_higher(short, ALL, RULE) is None


def test_it_moves_not_again_within_five_steps_nor_for_the_last_five() -> None:
    assert place_higher(on_one(steps_here=4), ALL, RULE) is None
    assert place_higher(on_one(steps_left=4), ALL, RULE) is None
