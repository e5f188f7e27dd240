"""The rules that filmgate is compared with do what their authors say."""

from itertools import pairwise

import pytest

from autoscaling.replay.baselines import Gradient2, InFlight, QueueCap, by_deadline, by_tier
from autoscaling.replay.dagor import Dagor
from autoscaling.replay.jobs import LARGE, SMALL, SimJob


def clip(rank: int = 0, arrived_at: float = 0.0, account: str = "a") -> SimJob:
    return SimJob(
        number=1,
        arrived_at=arrived_at,
        rank=rank,
        tier="free",
        account_id=account,
        size=SMALL,
        true_gpu_s=150.0,
        slo_scale=10.0,
    )


def test_a_queue_cap_counts_who_waits() -> None:
    cap = QueueCap(2)
    assert cap.lets_in(clip(), [1, 0], 4, 0.0)
    assert not cap.lets_in(clip(), [1, 1], 0, 0.0)
    per_tier = QueueCap(2, per_tier=True)
    assert per_tier.lets_in(clip(rank=1), [2, 1], 4, 0.0)
    assert not per_tier.lets_in(clip(rank=0), [2, 1], 4, 0.0)


def test_a_fixed_limit_counts_who_runs_too() -> None:
    assert InFlight(5).lets_in(clip(), [0, 0], 4, 0.0)
    assert not InFlight(5).lets_in(clip(), [0, 1], 4, 0.0)


def test_gradient2_lets_in_fewer_when_latency_grows_and_more_when_it_is_steady() -> None:
    limit = Gradient2()
    for now in range(100):
        limit.ended(clip(arrived_at=now * 100.0), now * 100.0 + 50.0)
    assert limit.lets_in(clip(), [60], 0, 0.0)
    for now in range(100):
        limit.ended(clip(arrived_at=0.0), 2_000.0 + now * 50.0)
    assert not limit.lets_in(clip(), [60], 0, 0.0)


def test_orders() -> None:
    assert by_tier(clip(rank=2, arrived_at=9.0)) < by_tier(clip(rank=1))
    long_clip = clip()
    long_clip.size = LARGE
    assert by_deadline(clip()) < by_deadline(long_clip)


def window(rule: Dagor, now: float, delay_s: float) -> list[SimJob]:
    """A window of two hundred requests, in which jobs begin after `delay_s`; those let in."""
    jobs = [clip(rank=n % 2, arrived_at=now, account=str(n)) for n in range(200)]
    let_in = [job for job in jobs if rule.lets_in(job, [0, 0], 0, now)]
    for job in let_in:
        rule.started(job, now + delay_s)
    return let_in


def test_dagor_cuts_a_twentieth_a_window_from_below_and_gives_back_a_hundredth() -> None:
    rule = Dagor(threshold_s=60.0, window_s=60.0)
    counts = [len(window(rule, 60.0 * n + 1, 100.0)) for n in range(6)]
    assert counts[0] == 200
    for before, after in pairwise(counts):
        assert after == pytest.approx(0.95 * before, abs=2.5)
    let_in = window(rule, 361.0, 100.0)
    assert sum(job.rank == 1 for job in let_in) == 100
    fewest = len(window(rule, 421.0, 10.0))
    assert len(window(rule, 481.0, 10.0)) == pytest.approx(fewest + 2, abs=2.5)


def test_dagor_sees_nothing_until_jobs_leave_the_queue() -> None:
    rule = Dagor()
    for n in range(5):
        assert len([1 for _ in range(50) if rule.lets_in(clip(), [0], 0, 60.0 * n)]) == 50
