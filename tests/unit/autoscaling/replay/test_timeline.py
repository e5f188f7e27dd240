"""A replay over time, counted by hand."""

from autoscaling.decisions import Admit, Defer, Reason, Shed
from autoscaling.replay.engine import Record
from autoscaling.replay.jobs import SMALL, SimJob
from autoscaling.replay.scenarios import Scenario
from autoscaling.replay.timeline import not_begun, timeline

HOUR_LONG = Scenario(name="by-hand", about="an hour", load=0.0, hours=1.0)
NOW = Admit(reason=Reason.OPEN)
LATER = Defer(reason=Reason.BUSY, finish_by=3_000.0, predicted_s=2_000.0)
NOT = Shed(reason=Reason.TOO_FAR, retry_after_s=60.0)


def job(tier: str, at: float, decision: Admit | Defer | Shed, **times: float) -> SimJob:
    made = SimJob(
        number=int(at),
        arrived_at=at,
        rank={"new": 0, "pro": 3}[tier],
        tier=tier,
        account_id="a",
        size=SMALL,
        true_gpu_s=150.0,
        slo_scale=10.0,
        decision=decision,
    )
    made.started_at, made.finished_at = times.get("started_at"), times.get("finished_at")
    made.promised_by = decision.finish_by if isinstance(decision, Defer) else None
    return made


JOBS = [
    job("pro", 30.0, NOW, started_at=40.0, finished_at=100.0),
    job("new", 50.0, NOW, started_at=200.0, finished_at=350.0),
    job("new", 70.0, LATER, started_at=3_700.0, finished_at=3_900.0),
    job("new", 80.0, NOT),
    job("new", 2_500.0, NOT),
]


def test_who_waits_at_each_minute() -> None:
    shown = timeline(Record(scenario=HOUR_LONG, jobs=JOBS))
    assert list(shown.tiers) == ["new", "pro"]
    assert len(shown.queue_at) == 66  # until the last clip is there
    new = shown.tiers["new"]
    assert new.waiting[:5] == (0, 1, 1, 1, 0)
    assert new.promised[:3] == (0, 0, 1)
    assert (new.promised[61], new.promised[62]) == (1, 0)
    assert not any(shown.tiers["pro"].promised)


def test_what_became_of_the_requests_of_each_period() -> None:
    shown = timeline(Record(scenario=HOUR_LONG, jobs=JOBS))
    assert shown.flow_at == (600.0, 1_800.0, 3_000.0)
    assert shown.tiers["new"].aside == (2 / 3, None, 1.0)
    assert shown.tiers["new"].took_p50_s == (300.0, None, None)
    assert shown.tiers["new"].took_p90_s == (3_830.0, None, None)
    assert shown.tiers["pro"].aside == (0.0, None, None)


def test_a_job_counts_from_its_arrival_until_it_begins() -> None:
    assert not_begun(JOBS[:1], [29.0, 30.0, 39.0, 40.0]) == (0, 1, 1, 0)
