"""What the policy makes of jobs: the situation, the order, releases, and what it remembers."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from autoscaling.admission import Request, Situation, decide
from autoscaling.decisions import Admit
from serve.attempts.run import Run
from serve.jobs.job import Job, Status, Timings
from serve.messages import Answered
from serve.scheduling.fleet import Strength
from serve.scheduling.policy import Policy
from tests.unit.serve.scheduling.policing import NOW, deferred, job, policy_of, running


def look(
    policy: Policy,
    waiting: Sequence[Job] = (),
    kept: Sequence[Job] = (),
    runs: Sequence[Job] = (),
    *,
    gpus: float = 1.0,
    gangs: int = 0,
    now: float = NOW,
) -> Situation:
    return policy.look(
        waiting=waiting,
        deferred=kept,
        running=[Run(job=each) for each in runs],
        strength=Strength(gpus=gpus, by_model={"m": gpus}, gangs={"m": gangs}),
        now=now,
    )


def asked(tier: str, requests: int, gpu_s: float) -> Answered:
    return Answered(
        model="m", tier=tier, outcome="shed", reason="x", requests=requests, gpu_s=gpu_s
    )


def ids(policy: Policy, jobs: Sequence[Job], now: float = NOW) -> list[str]:
    return [waiting.job_id for waiting in policy.ordered(jobs, [], now)]


def test_work_is_counted_by_tier_and_by_whether_it_was_let_in() -> None:
    half_done = replace(running(job("runs", "pro")), step=2, spec=replace(job("x").spec, steps=4))
    kept = [deferred("later", NOW + 500.0)]
    load = look(policy_of(), [job("waits"), job("other", "gone")], kept, [half_done]).load
    assert [tier.backlog_gpu_s for tier in load.tiers] == [10.0, 10.0, 0.0, 5.0, 0.0, 0.0]
    assert [tier.promised_gpu_s for tier in load.tiers] == [0.0, 10.0, 0.0, 0.0, 0.0, 0.0]


def test_what_gateways_were_asked_for_closes_the_gate() -> None:
    policy = policy_of()
    for second in range(120):
        policy.answered([asked("new", 100, 40.0)], NOW + second)
    sight = look(policy, now=NOW + 120)
    assert sight.aside[0] > 0.7
    assert sight.aside[2:] == (0.0,) * 4


def test_a_small_service_turns_nobody_away() -> None:
    """One gang, clips of 2 s, ten free ones and as many of the local account at once."""
    policy = policy_of(gpu_s=2.0)
    jobs = [job(f"f{n}", "free", account_id=f"a{n}") for n in range(10)]
    jobs += [job(f"p{n}", "pro", account_id="local") for n in range(10)]
    for second, each in enumerate(jobs):
        policy.answered([asked(each.tier, 1, 2.0)], NOW + second / 10)
        policy.started(policy.numbers.waiting(each), running(each, NOW + 2.0 * second))
        sight = look(policy, jobs[: second + 1], now=NOW + second)
        for rank in (1, 3):
            wish = Request(account_id=f"x{second}", rank=rank, gpu_s=2.0, standalone_s=2.0)
            assert isinstance(decide(wish, sight, NOW + second), Admit)


def test_a_paid_job_that_waited_too_long_closes_the_door_for_others() -> None:
    policy = policy_of()
    late = job("late", "pro", created_at=NOW - 500.0)
    policy.started(policy.numbers.waiting(late), running(late))
    assert look(policy).load.paid_wait > 1
    again = running(replace(late, attempt=1))
    policy.started(policy.numbers.waiting(late), again)
    assert look(policy, now=NOW + 400.0).load.paid_wait == 0, "it goes on: it does not begin twice"


def test_one_accounts_many_jobs_delay_only_itself() -> None:
    many = [job(f"a{n}", account_id="a") for n in range(20)]
    one = job("b", account_id="b", created_at=NOW + 5.0)
    assert ids(policy_of(), [*many, one]).index("b") == 1


def test_a_promise_that_is_due_is_charged_and_forgives_nobody_what_it_had() -> None:
    policy = policy_of()
    first = running(job("first", account_id="a"))
    policy.started(policy.numbers.waiting(first), first)
    for number in range(5):
        due = running(deferred(f"due{number}", NOW + 10.0, account_id="heavy"))
        policy.started(policy.numbers.waiting(due), due)
    mine, yours = job("mine", account_id="a"), job("yours", account_id="b", created_at=NOW + 1)
    assert ids(policy, [mine, yours]) == ["yours", "mine"]
    assert ids(policy, [job("theirs", account_id="heavy"), mine]) == ["mine", "theirs"]


def test_an_account_is_charged_at_a_start_and_corrected_at_its_end() -> None:
    policy = policy_of()
    mine, yours = job("mine", account_id="a"), job("yours", account_id="b", created_at=NOW + 1)
    first = running(job("first", account_id="a"))
    policy.started(policy.numbers.waiting(first), first)
    assert ids(policy, [mine, yours]) == ["yours", "mine"]
    policy.left(first, 0.0)  # it was cancelled before its first step
    assert ids(policy, [mine, yours]) == ["mine", "yours"]
    policy.left(first, 99.0)
    assert ids(policy, [mine, yours]) == ["mine", "yours"], "an attempt ends once"


def test_deferred_jobs_fill_what_is_left_over_the_earliest_promise_first() -> None:
    policy = policy_of()
    kept = [deferred(f"d{n}", NOW + 50_000.0 - n) for n in range(100)]
    look(policy, [], kept)
    released = policy.releases(NOW)
    assert released[:2] == ["d99", "d98"]
    assert len(released) == 32  # 0.7 of a drain target of 450 s on one GPU
    look(policy, [job(f"w{n}") for n in range(40)], kept)
    assert policy.releases(NOW) == []
    due = deferred("due", NOW + 900.0)
    look(policy, [job(f"w{n}") for n in range(40)], [*kept, due])
    assert policy.releases(NOW) == ["due"]


def test_what_runs_stands_in_nobodys_way_and_what_waits_or_was_promised_does() -> None:
    many = [job(f"w{n}") for n in range(120)]
    at_work = look(policy_of(), runs=[running(each) for each in many])
    assert at_work.load.tiers[1].running_gpu_s == at_work.load.tiers[1].backlog_gpu_s > 0
    assert at_work.aside[1] == 0.0
    assert look(policy_of(), many).aside[1] > 0
    assert look(policy_of(), [], [deferred(f"d{n}", NOW + 9e3) for n in range(120)]).aside[1] > 0


def test_promises_teach_the_next_ones() -> None:
    """Those that were longer than the tier's target; a free clip of 10 s is due within 100 s, and
    was so within 104 s when it was still thought to take 10.4 s."""
    policy = policy_of()
    for number in range(20):
        late = deferred(f"d{number}", NOW + 150.0, status=Status.COMPLETED, predicted_gpu_s=10.4)
        policy.finished(replace(late, completed_at=NOW + 200.0))
        policy.finished(replace(late, promised_by=NOW + 104.0, completed_at=NOW + 99.0))
    policy.finished(deferred("gone", NOW, status=Status.CANCELLED, completed_at=NOW + 9e9))
    sight = look(policy)
    rule = sight.rules.promises
    more = 20 * 0.9 * rule.learning
    assert sight.stretch.factor(rule) == pytest.approx(rule.first_stretch + more)


def test_who_got_a_clip_lately_is_in_the_middle_of_something() -> None:
    policy = policy_of()
    policy.finished(job("a", account_id="a", status=Status.COMPLETED, completed_at=NOW))
    policy.finished(job("b", account_id="b", status=Status.FAILED, completed_at=NOW))
    assert policy.recent_accounts(NOW + 1_800.0) == {"a"}
    assert policy.recent_accounts(NOW + 1_801.0) == frozenset()


def test_another_process_goes_on_from_what_was_learnt() -> None:
    policy, successor = policy_of(), policy_of()
    policy.answered([asked("new", 9, 3_000.0)], NOW)
    look(policy, now=NOW + 120.0)
    sight = look(policy, now=NOW + 121.0)
    hog = running(job("hog", account_id="a"))
    policy.started(policy.numbers.waiting(hog), hog)
    done = deferred("d", NOW, status=Status.COMPLETED, completed_at=NOW, account_id="a")
    policy.finished(done)

    successor.take_up(json.loads(json.dumps(policy.plain())), NOW + 122.0)
    assert sight.aside[0] > 0.5
    mine, yours = job("mine", account_id="a"), job("yours", account_id="b", created_at=NOW + 1)
    for each in (policy, successor):
        assert ids(each, [mine, yours]) == ["yours", "mine"]
        assert each.recent_accounts(NOW + 122.0) == {"a"}
    assert look(successor, now=NOW + 123.0) == look(policy, now=NOW + 123.0)
    assert successor.gate_flips == policy.gate_flips
    assert look(successor, now=NOW + 7_200.0).aside == (0.0,) * 6, "what is old has faded"


def test_a_service_that_had_no_gpu_can_be_remembered_too() -> None:
    policy, successor = policy_of(), policy_of()
    sight = look(policy, [job("waits")], gpus=0.0)
    assert sight.levels[0] == float("inf")
    successor.take_up(json.loads(json.dumps(policy.plain(), allow_nan=False)), NOW)
    assert look(successor, [job("waits")], gpus=0.0).levels == sight.levels


def test_a_clock_that_is_set_back_by_an_hour_costs_nothing() -> None:
    """Neither do gates stand until it is as late again, nor does anything fade sooner or later."""
    steady, stepped = policy_of(), policy_of()
    seen = []
    for policy, back_s in ((steady, 0.0), (stepped, 3_600.0)):
        look(policy, [job(f"w{n}") for n in range(120)], now=NOW + 1.0)
        policy.answered([asked("new", 1, 60.0)], NOW + 2.0)
        look(policy, [job(f"w{n}") for n in range(120)], now=NOW + 2.0)
        for second in range(1, 400, 3):
            sight = look(policy, now=NOW + 2.0 + second - back_s)
        seen.append((sight.aside, sight.load.tiers[0].offered_gpu_s_per_s, policy.gate_flips))
    assert seen[0][2]["new"] == 2, "it closed, and opened again"
    assert seen[0][1] == pytest.approx(seen[1][1], rel=0.01)
    assert (seen[0][0], seen[0][2]) == (seen[1][0], seen[1][2])


def test_a_restart_after_the_clock_was_set_back_loses_no_time() -> None:
    policy, successor = policy_of(), policy_of()
    policy.answered([asked("new", 1, 60.0)], NOW)
    for now in (NOW, NOW - 3_600.0):
        look(policy, now=now)
    successor.take_up(json.loads(json.dumps(policy.plain())), NOW - 3_000.0)
    sight = look(successor, now=NOW - 2_999.0)
    assert sight.load.tiers[0].offered_gpu_s_per_s == 0.0, "ten minutes have passed"


def test_promises_go_by_the_clock_as_it_is() -> None:
    policy = policy_of()
    full = [job(f"w{n}") for n in range(120)]
    kept = [deferred("d", NOW + 1_000.0)]
    look(policy, full, kept, now=NOW + 200.0)
    assert policy.releases(NOW + 200.0) == ["d"]
    sight = look(policy, full, kept, now=NOW - 3_400.0)
    assert policy.releases(NOW - 3_400.0) == []
    assert sight.load.promise_pressure < 0.01, "there is an hour more for it"


def test_what_a_job_took_in_earlier_attempts_is_not_charged_again() -> None:
    policy = policy_of()
    again = running(job("again", account_id="a", timings=Timings(gpu_s=50.0)))
    policy.started(policy.numbers.waiting(again), again)
    policy.left(again, 60.0)
    mine, yours = job("mine", account_id="a"), job("yours", account_id="b", created_at=NOW + 1)
    assert policy.numbers.tier(mine).weight == 2.0
    assert ids(policy, [mine, yours]) == ["yours", "mine"]


def test_who_comes_back_makes_the_usual_clip_no_smaller() -> None:
    policy = policy_of()
    before = policy.usual
    policy.answered([replace(asked("new", 500, 0.0), counted=0)], NOW)
    assert policy.usual == before
    policy.answered([replace(asked("new", 500, before.gpu_s), counted=1)], NOW)
    assert policy.usual.gpu_s == pytest.approx(before.gpu_s)
