"""Which gangs are free, through reports, reservations, bindings and releases."""

from serve.deployments.gangs import Gangs
from serve.messages import Holding, LeaseReport


def report(replica: str, job: str | None = None, model: str = "m") -> LeaseReport:
    holding = Holding(job_id=job, epoch=1, attempt=1, step=3) if job else None
    return LeaseReport(replica=replica, pid=7, model=model, shape="1", holding=holding)


def test_a_gang_is_free_only_for_its_own_model() -> None:
    gangs = Gangs(timeout_s=10)
    gangs.report(report("a"), now=0)
    assert gangs.free("m", now=1) == 1
    assert gangs.free("other", now=1) == 0


def test_a_reservation_takes_one_gang_until_it_is_bound_or_released() -> None:
    gangs = Gangs(timeout_s=10)
    gangs.report(report("a"), now=0)
    gangs.report(report("b"), now=0)
    gangs.reserve("j1", "m")
    assert gangs.free("m", now=1) == 1
    gangs.bind("j1", "a")
    assert gangs.free("m", now=1) == 1
    gangs.reserve("j2", "m")
    assert gangs.free("m", now=1) == 0
    gangs.release("j2", settled=True)
    gangs.release("j1", settled=True)
    assert gangs.free("m", now=1) == 2


def test_a_stopped_gang_is_free_only_after_it_said_so() -> None:
    gangs = Gangs(timeout_s=10)
    gangs.report(report("a"), now=0)
    gangs.reserve("j", "m")
    gangs.bind("j", "a")
    gangs.release("j", settled=False)
    assert gangs.free("m", now=1) == 0
    gangs.report(report("a", job="j"), now=2)
    assert gangs.free("m", now=2) == 0, "it still finishes its step"
    gangs.report(report("a"), now=3)
    assert gangs.free("m", now=3) == 1


def test_a_finished_gang_is_free_at_once_though_its_last_report_named_the_job() -> None:
    gangs = Gangs(timeout_s=10)
    gangs.report(report("a"), now=0)
    gangs.reserve("j", "m")
    gangs.bind("j", "a")
    gangs.report(report("a", job="j"), now=1)
    gangs.release("j", settled=True)
    assert gangs.free("m", now=1) == 1


def test_only_a_report_of_a_gang_that_became_idle_is_news() -> None:
    gangs = Gangs(timeout_s=10)
    assert gangs.report(report("a"), now=0)
    assert not gangs.report(report("a"), now=1)
    assert not gangs.report(report("a", job="j"), now=2)
    assert gangs.report(report("a"), now=3)
    gangs.bind("j", "a")
    gangs.release("j", settled=False)
    assert gangs.report(report("a"), now=4)


def test_a_zombie_that_holds_an_older_schedulers_job_is_not_free() -> None:
    gangs = Gangs(timeout_s=10)
    gangs.report(report("a", job="old"), now=0)
    assert gangs.free("m", now=1) == 0
    assert gangs.statuses(now=1)[0].job_id == "old"


def test_a_silent_gang_is_forgotten() -> None:
    gangs = Gangs(timeout_s=10)
    gangs.report(report("a"), now=0)
    assert gangs.models(now=10) == {"m"}
    assert gangs.free("m", now=10.1) == 0
    assert gangs.models(now=10.1) == frozenset()
