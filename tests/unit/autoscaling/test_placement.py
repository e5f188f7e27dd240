"""Which of the free gangs a job gets."""

from autoscaling.placement import FreeGangs, place

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
