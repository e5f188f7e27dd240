"""What is said of a Scheduler that was killed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autoscaling.promises import Wish
from autoscaling.rules import Rules
from autoscaling.watch import Stand, Watch
from benchmarks.rehearsal.kill import forgot, kill_rows
from benchmarks.rehearsal.sightings import Sighting
from serve.jobs.gate_status import gate_status

NONE = (0.0,) * len(Rules().tiers)
SIGHT = Watch(Rules(), 0.0).look(Stand(gpus=1.0, backlog_gpu_s=NONE, promised_gpu_s=NONE), 0.0)


def sighting(at: float, epoch: int, flips: int, *, aside: float = 0.5) -> Sighting:
    status = gate_status(
        SIGHT,
        flips={"new": flips},
        counts={},
        refused={},
        typical=Wish(gpu_s=1.0, standalone_s=1.0),
        epoch=epoch,
        now=at,
    )
    new, *others = status.tiers
    tiers = (replace(new, aside=aside), *(replace(tier, aside=0.0) for tier in others))
    return Sighting(at=at, status=replace(status, tiers=tiers), live=1, load=0.5)


@dataclass(frozen=True, slots=True)
class Over:
    seen: Sequence[Sighting]
    killed_at: float | None


SEEN = [sighting(1.0, 1, 3), sighting(2.0, 1, 3), sighting(8.0, 2, 3)]


def test_the_next_scheduler_is_waited_for() -> None:
    rows = {row.what: row for row in kill_rows(Over(SEEN, 2.5))}
    assert rows["until the next scheduler"].value == 5.5
    assert rows["gates as they were before the kill"].value == 1
    assert rows["gates as they were before the kill"].note == "closed then: new"
    assert rows["gates that forgot how often they moved"].value == 0


def test_gates_that_are_open_at_once_were_forgotten() -> None:
    seen = [*SEEN[:2], sighting(8.0, 2, 0, aside=0.0)]
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
