"""What is said of a Scheduler that was killed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.rehearsal.kill import forgot, kill_rows
from benchmarks.rehearsal.sightings import Sighting


def sighting(at: float, epoch: int, flips: Mapping[str, int], *, shut: bool = True) -> Sighting:
    return Sighting(
        at=at, epoch=epoch, live=1, closed={"new": shut, "pro": False}, flips=flips, levels={}
    )


@dataclass(frozen=True, slots=True)
class Over:
    seen: Sequence[Sighting]
    killed_at: float | None


SEEN = [sighting(1.0, 1, {"new": 3}), sighting(2.0, 1, {"new": 3}), sighting(8.0, 2, {"new": 3})]


def test_the_next_scheduler_is_waited_for() -> None:
    rows = {row.what: row for row in kill_rows(Over(SEEN, 2.5))}
    assert rows["until the next scheduler"].value == 5.5
    assert rows["gates as they were before the kill"].value == 1
    assert rows["gates as they were before the kill"].note == "closed then: new"
    assert rows["gates that forgot how often they moved"].value == 0


def test_gates_that_are_open_at_once_were_forgotten() -> None:
    seen = [*SEEN[:2], sighting(8.0, 2, {"new": 0}, shut=False)]
    rows = {row.what: row.value for row in kill_rows(Over(seen, 2.5))}
    assert rows["gates as they were before the kill"] == 0
    assert forgot(seen) == 1


def test_a_scheduler_that_never_comes_is_said() -> None:
    rows = {row.what: row for row in kill_rows(Over(SEEN[:2], 1.5))}
    assert (rows["until the next scheduler"].value, rows["until the next scheduler"].note) == (
        None,
        "none came",
    )


def test_nothing_is_said_where_nobody_was_killed() -> None:
    assert list(kill_rows(Over(SEEN, None))) == []
