"""What an account had hours ago, of what nobody else needed, is not held against it."""

from serve.attempts.run import Run
from serve.jobs.job import Job
from serve.scheduling.fleet import Strength
from tests.unit.serve.scheduling.policing import NOW, deferred, job, policy_of, running

ONE = Strength(gpus=1.0, by_model={"m": 1.0}, gangs={"m": 1})


def order_after(rest_s: float, at_work: list[Job]) -> list[str]:
    """Of a job of an account that had 20 promised clips, and then rested, and of a new account."""
    policy = policy_of()
    for number in range(20):
        clip = running(deferred(f"d{number}", NOW + 9e4, account_id="heavy"))
        policy.started(policy.numbers.waiting(clip), clip)
    runs = [Run(job=each) for each in at_work]
    for now in (NOW, NOW + rest_s):
        policy.look(waiting=[], deferred=[], running=runs, strength=ONE, now=now)
    jobs = [job("mine", account_id="heavy"), job("theirs", account_id="b", created_at=NOW + 1)]
    return [each.job_id for each in policy.ordered(jobs, [], NOW)]


def test_a_debt_ends_with_the_session() -> None:
    assert order_after(1_799.0, []) == ["theirs", "mine"]
    assert order_after(1_800.0, []) == ["mine", "theirs"]


def test_it_lasts_while_the_account_is_at_work() -> None:
    assert order_after(1_800.0, [running(job("more", account_id="heavy"))]) == ["theirs", "mine"]
