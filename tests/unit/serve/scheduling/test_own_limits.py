"""What waits for others of its own account stands in nobody's way."""

from dataclasses import replace

import pytest

from autoscaling.admission import gate_state
from autoscaling.decisions import GateState
from autoscaling.promises import Wish
from serve.attempts.run import Run
from serve.jobs.job import Job, Status
from serve.scheduling.fleet import Strength
from serve.scheduling.own_limits import contending, held_back
from serve.scheduling.policy import Policy
from tests.unit.serve.scheduling.policing import NOW, deferred, job, policy_of, running

EIGHT = Strength(gpus=8.0, by_model={"m": 8.0}, gangs={"m": 8})


def anns(count: int, *, first: int = 0) -> list[Job]:
    return [
        job(f"ann{n}", account_id="ann", jobs_at_once=2, created_at=NOW + n)
        for n in range(first, first + count)
    ]


def look(policy: Policy, waiting: list[Job], kept: list[Job], runs: list[Job]) -> None:
    policy.look(
        waiting=waiting,
        deferred=kept,
        running=[Run(job=each) for each in runs],
        strength=EIGHT,
        now=NOW,
    )


def test_each_account_has_the_first_of_its_jobs_as_far_as_its_limit_goes() -> None:
    queue = [*anns(3), job("bob", account_id="bob"), job("cy", account_id="cy", jobs_at_once=1)]
    assert held_back(queue, []) == {"ann2"}
    assert held_back(queue, [running(anns(1, first=9)[0])]) == {"ann1", "ann2"}


def test_an_account_has_no_more_work_in_the_way_than_its_gangs_can_do() -> None:
    """Two gangs do twelve clips of 10 s in a minute, and one of these is at work."""
    queue = [*anns(40), job("bob")]
    kept = contending(queue, anns(1, first=90), seconds_of=lambda _: 10.0, within_s=60.0)
    assert [each.id for each in kept] == [*(f"ann{n}" for n in range(11)), "bob"]
    assert (
        contending([job("bob")] * 99, [], seconds_of=lambda _: 9.0, within_s=1.0)
        == [job("bob")] * 99
    )


def test_idle_gangs_go_to_those_who_may_use_them() -> None:
    """Two of ann's clips run, six more were released, and all of hers are promised before bob's."""
    policy = policy_of(gpu_s=600.0)
    runs = [running(each) for each in anns(2)]
    released = [deferred(f"r{n}", NOW + 9e4, account_id="ann", jobs_at_once=2) for n in range(6)]
    later = [deferred(f"l{n}", NOW + 9e4, account_id="ann", jobs_at_once=2) for n in range(4)]
    bobs = deferred("bob", NOW + 9.9e4, account_id="bob")
    look(policy, released, [*later, bobs], runs)
    assert policy.releases(NOW) == ["bob"]


def test_a_promise_that_is_due_is_released_whoever_is_before_it() -> None:
    policy = policy_of(gpu_s=600.0)
    due = deferred("due", NOW + 700.0, account_id="ann", jobs_at_once=2)
    look(policy, [], [due], [running(each) for each in anns(2)])
    assert policy.releases(NOW) == ["due"]


@pytest.mark.parametrize(("at_once", "state"), [(2, GateState.OPEN), (None, GateState.DEFERRING)])
def test_one_account_with_many_clips_closes_no_door(at_once: int | None, state: GateState) -> None:
    policy = policy_of(gpu_s=600.0)
    many = [job(f"a{n}", account_id="ann", jobs_at_once=at_once) for n in range(40)]
    look(policy, many, [], [])
    assert policy.situation is not None
    wish = Wish(gpu_s=60.0, standalone_s=60.0)
    assert gate_state(1, policy.situation, wish) is state


def test_a_paid_job_that_its_own_account_held_back_closes_no_door() -> None:
    policy = policy_of()
    late = job("late", "pro", created_at=NOW - 500.0, jobs_at_once=1)
    policy.started(policy.numbers.waiting(late), running(late), NOW - 1.0)
    look(policy, [], [], [])
    assert policy.situation is not None
    assert policy.situation.load.paid_wait < 0.1


@pytest.mark.parametrize(("held_until", "stretches"), [(None, True), (NOW + 5_000.0, False)])
def test_a_promise_that_its_own_account_broke_makes_no_other_longer(
    held_until: float | None, stretches: bool
) -> None:
    policy = policy_of()
    late = deferred("late", NOW + 6_000.0, account_id="ann", jobs_at_once=1)
    policy.started(policy.numbers.waiting(late), running(late), held_until)
    policy.finished(replace(late, status=Status.COMPLETED, completed_at=NOW + 9_000.0))
    look(policy, [], [], [])
    assert policy.situation is not None
    assert (policy.situation.stretch.learnt is not None) is stretches
