"""Which gangs that are gone were lost, and which were to go."""

from serve.telemetry.planned_stops import PlannedStops

KIND = ("tiny", "1")


def stops(*steps: tuple[int, int]) -> PlannedStops:
    """After so many were wanted while so many reported, one after another."""
    planned = PlannedStops()
    for wanted, reporting in steps:
        planned.wanted({KIND: wanted}, {KIND: reporting})
    return planned


def test_those_that_fewer_are_wanted_of_were_not_lost() -> None:
    planned = stops((6, 6), (2, 6))
    assert planned.lost(KIND, 1) == 0
    planned.wanted({KIND: 2}, {KIND: 5})
    assert planned.lost(KIND, 3) == 0
    planned.wanted({KIND: 2}, {KIND: 2})
    assert planned.lost(KIND, 1) == 1


def test_more_than_were_to_go_were_lost() -> None:
    assert stops((6, 6), (2, 6)).lost(KIND, 5) == 1
    assert PlannedStops().lost(KIND, 2) == 2


def test_one_that_was_replaced_before_its_silence_was_noticed_was_lost() -> None:
    assert stops((2, 2), (2, 3)).lost(KIND, 1) == 1


def test_one_that_was_never_up_covers_for_none_that_was() -> None:
    assert stops((3, 2), (2, 2)).lost(KIND, 1) == 1


def test_a_plan_that_was_dropped_covers_for_none() -> None:
    assert stops((4, 4), (2, 4), (4, 4)).lost(KIND, 1) == 1
