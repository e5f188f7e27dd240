"""What there is to do, model by model: for a promise, and for the gangs that are idle."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from autoscaling.admission import Request, Situation, decide, retry_after_s
from autoscaling.decisions import Defer
from serve.attempts.run import Run
from serve.jobs.job import Job
from serve.messages import Answered
from serve.scheduling.fleet import Strength
from serve.scheduling.policy import Policy
from tests.unit.serve.scheduling.policing import NOW, deferred, job, policy_of, running

TWO = Strength(gpus=2.0, by_model={"m": 2.0}, gangs={"m": 2})
SEVERAL = Strength(gpus=5.0, by_model={"m": 1.0, "n": 4.0}, gangs={"m": 1, "n": 4})

ASKED = Answered(model="n", tier="pro", outcome="shed", reason="x", requests=1, gpu_s=900.0)


def look(
    policy: Policy,
    waiting: Sequence[Job],
    kept: Sequence[Job],
    runs: Sequence[Job],
    strength: Strength,
) -> Situation:
    return policy.look(
        waiting=waiting,
        deferred=kept,
        running=[Run(job=each) for each in runs],
        strength=strength,
        now=NOW,
    )


def wish(model: str, gpu_s: float = 10.0) -> Request:
    return Request(account_id="x", rank=1, gpu_s=gpu_s, standalone_s=gpu_s, model=model)


def test_a_promise_counts_on_the_gangs_of_its_own_model() -> None:
    """1,200 s of work on the one gang of a model; four gangs of another one have nothing to do."""
    policy = policy_of()
    many = [job(f"w{n}") for n in range(120)]
    sight = look(policy, many, [], [], SEVERAL)
    assert sight.aside[1] > 0
    asked_for = [decide(replace(wish("m"), account_id=str(n)), sight, NOW) for n in range(99)]
    later = next(each for each in asked_for if isinstance(each, Defer))
    assert later.predicted_s == pytest.approx(1_210.0 / 0.75)
    asked_for = [decide(replace(wish("n"), account_id=str(n)), sight, NOW) for n in range(99)]
    soon = next(each for each in asked_for if isinstance(each, Defer))
    assert (soon.predicted_s, soon.finish_by) == (10.0, NOW + 100.0), "the tier's target"


def test_work_for_a_model_that_sleeps_closes_no_door_of_one_that_is_idle() -> None:
    """1,500 s of paid work, for which 8 GPUs come up; they are not in the whole, nor asked for."""
    asleep = Strength(gpus=1.0, by_model={"m": 1.0, "n": 8.0}, gangs={"m": 1})
    policy = policy_of()
    many = [job(f"w{n}", "pro", model="n") for n in range(150)]
    policy.answered([replace(ASKED, model="n", gpu_s=200.0)], NOW)
    sight = look(policy, many, [], [], asleep)
    assert sight.load.offered() > 1
    assert sight.aside == (0.0,) * 6
    closed = replace(sight, aside=(1.0,) * 6, levels=(1.0,) * 6)
    assert retry_after_s(wish("m"), closed, NOW) < 600.0, "nor makes it any other one slower"


def test_work_that_no_gang_can_do_closes_the_door_for_all() -> None:
    broken = Strength(gpus=1.0, by_model={"m": 1.0, "n": 0.0}, gangs={"m": 1})
    many = [job(f"w{n}", model="n") for n in range(150)]
    assert look(policy_of(), many, [], [], broken).aside[1] > 0


def test_what_is_kept_for_later_fills_the_gangs_of_its_own_model() -> None:
    policy = policy_of(gpu_s=500.0)
    kept = [deferred(f"d{n}", NOW + 9e4 + n, model="mn"[n % 2]) for n in range(20)]
    full = [job(f"w{n}") for n in range(40)]
    runs = [running(job("runs"))]
    look(policy, full, kept, runs, SEVERAL)
    assert policy.releases(NOW) == ["d1", "d3", "d5", "d7"]
    runs = [running(job(f"r{n}", model="n")) for n in range(4)]
    full = [job(f"w{n}", model="n") for n in range(40)]
    look(policy, full, kept, runs, SEVERAL)
    assert policy.releases(NOW) == ["d0"]


def test_what_was_asked_of_a_model_is_remembered_for_it() -> None:
    policy, successor = policy_of(), policy_of()
    policy.answered([ASKED], NOW)
    look(policy, [], [], [], SEVERAL)
    successor.take_up(json.loads(json.dumps(policy.plain())), NOW)
    sight = look(successor, [], [], [], SEVERAL)
    sustained = [sight.load_of(model).tiers[3].sustained_gpu_s_per_s for model in "mn"]
    assert sustained[0] == 0.0 < sustained[1] == sight.load.tiers[3].sustained_gpu_s_per_s


def test_no_gang_idles_while_jobs_are_kept_for_later() -> None:
    """Two gangs, of which one has a long clip; then two, while others wait for larger ones."""
    kept = [deferred(f"d{n}", NOW + 50_000.0 + n) for n in range(30)]
    policy = policy_of(gpu_s=700.0)
    look(policy, [], kept, [running(job("long"))], TWO)
    assert policy.releases(NOW) == ["d0"]
    full = [job(f"w{n}", "pro") for n in range(40)]
    policy = policy_of(gpu_s=700.0)
    look(policy, full, kept, [], TWO)
    assert policy.releases(NOW) == [], "those that were let in may be about to begin there"
    look(policy, full, kept, [], TWO)
    assert policy.releases(NOW) == ["d0", "d1"]
    look(policy, [*full, kept[0]], kept[1:], [], TWO)
    assert policy.releases(NOW) == ["d1"], "the other one has a released job that waits for it"
