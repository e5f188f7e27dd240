"""Which gangs are free, through reports, reservations, bindings and releases."""

import pytest

from autoscaling.placement import FreeGangs
from serve.attempts.gangs import Gangs
from serve.messages import Holding, LeaseReport


def report(
    replica: str,
    job: str | None = None,
    model: str = "m",
    shape: str = "1",
    devices: int = 1,
    device_bytes: int | None = None,
) -> LeaseReport:
    holding = Holding(job_id=job, epoch=1, attempt=1, step=3) if job else None
    return LeaseReport(
        replica=replica,
        pid=7,
        model=model,
        shape=shape,
        devices=devices,
        holding=holding,
        device_bytes=device_bytes,
    )


def num_free(gangs: Gangs, model: str, now: float) -> int:
    return sum(free.num_free for free in gangs.free(model, now))


@pytest.fixture
def gangs() -> Gangs:
    return Gangs(timeout_s=10, free_within_s=3)


def test_a_gang_is_free_only_for_its_own_model(gangs: Gangs) -> None:
    gangs.report(report("a"), now=0)
    assert num_free(gangs, "m", 1) == 1
    assert num_free(gangs, "other", 1) == 0


def test_a_reservation_takes_one_gang_until_it_is_bound_or_released(gangs: Gangs) -> None:
    gangs.report(report("a"), now=0)
    gangs.report(report("b"), now=0)
    gangs.reserve("j1", "m", "1")
    assert num_free(gangs, "m", 1) == 1
    gangs.bind("j1", "a")
    assert num_free(gangs, "m", 1) == 1
    gangs.reserve("j2", "m", "1")
    assert num_free(gangs, "m", 1) == 0
    gangs.release("j2", settled=True)
    gangs.release("j1", settled=True)
    assert num_free(gangs, "m", 1) == 2


def test_a_stopped_gang_is_free_only_after_it_said_so(gangs: Gangs) -> None:
    gangs.report(report("a"), now=0)
    gangs.reserve("j", "m", "1")
    gangs.bind("j", "a")
    gangs.release("j", settled=False)
    assert num_free(gangs, "m", 1) == 0
    gangs.report(report("a", job="j"), now=2)
    assert num_free(gangs, "m", 2) == 0, "it still finishes its step"
    gangs.report(report("a"), now=3)
    assert num_free(gangs, "m", 3) == 1


def test_a_finished_gang_is_free_at_once_though_its_last_report_named_the_job(gangs: Gangs) -> None:
    gangs.report(report("a"), now=0)
    gangs.reserve("j", "m", "1")
    gangs.bind("j", "a")
    gangs.report(report("a", job="j"), now=1)
    gangs.release("j", settled=True)
    assert num_free(gangs, "m", 1) == 1


def test_only_a_report_of_a_gang_that_became_idle_is_news(gangs: Gangs) -> None:
    assert gangs.report(report("a"), now=0)
    assert not gangs.report(report("a"), now=1)
    assert not gangs.report(report("a", job="j"), now=2)
    assert gangs.report(report("a"), now=3)
    gangs.bind("j", "a")
    gangs.release("j", settled=False)
    assert gangs.report(report("a"), now=4)


def test_a_zombie_that_holds_an_older_schedulers_job_is_not_free(gangs: Gangs) -> None:
    gangs.report(report("a", job="old"), now=0)
    assert num_free(gangs, "m", 1) == 0
    assert gangs.statuses(now=1)[0].job_id == "old"


def test_a_silent_gang_is_forgotten(gangs: Gangs) -> None:
    gangs.report(report("a"), now=0)
    assert gangs.models(now=10) == {"m"}
    assert num_free(gangs, "m", 10.1) == 0
    assert gangs.models(now=10.1) == frozenset()


def test_shapes_are_counted_apart(gangs: Gangs) -> None:
    for name in ("a", "b"):
        gangs.report(report(name), now=0)
    gangs.report(report("c", shape="tp2", devices=2), now=0)
    gangs.reserve("j", "m", "tp2")
    assert gangs.free("m", now=1) == (
        FreeGangs(shape="1", devices=1, num_free=2),
        FreeGangs(shape="tp2", devices=2, num_free=0),
    )


def test_the_smallest_device_of_a_shape_counts_for_it(gangs: Gangs) -> None:
    assert gangs.device_bytes("m", now=0) == {}
    told = (("a", "1", 80), ("b", "1", 24), ("c", "tp2", 80), ("d", "tp4", None))
    for name, shape, device_bytes in told:
        gangs.report(report(name, shape=shape, device_bytes=device_bytes), now=0)
    gangs.report(report("e", model="other", device_bytes=8), now=0)
    assert gangs.device_bytes("m", now=1) == {"1": 24, "tp2": 80}
    assert gangs.device_bytes("m", now=11) == {}


def test_a_gang_that_missed_some_reports_is_not_free_though_still_known(gangs: Gangs) -> None:
    gangs.report(report("a"), now=0)
    assert num_free(gangs, "m", 3) == 1
    assert num_free(gangs, "m", 3.1) == 0
    assert gangs.models(now=3.1) == {"m"}
    gangs.report(report("a"), now=4)
    assert num_free(gangs, "m", 4) == 1


def test_a_job_whose_gang_falls_silent_is_lost_once(gangs: Gangs) -> None:
    for name in ("a", "b"):
        gangs.report(report(name), now=0)
        gangs.reserve(f"job of {name}", "m", "1")
        gangs.bind(f"job of {name}", name)
    gangs.report(report("b", job="job of b"), now=9)
    assert gangs.take_lost(now=10) == frozenset()
    gangs.statuses(now=11)  # whoever looks first
    assert gangs.take_lost(now=11) == {"job of a"}
    assert gangs.take_lost(now=12) == frozenset()


def test_a_job_that_ended_in_time_is_not_lost_with_its_gang(gangs: Gangs) -> None:
    gangs.report(report("a"), now=0)
    gangs.bind("j", "a")
    gangs.statuses(now=11)
    gangs.release("j", settled=False)
    assert gangs.take_lost(now=12) == frozenset()
