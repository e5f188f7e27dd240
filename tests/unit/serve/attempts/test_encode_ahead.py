"""Encoding ahead: for those that are next, once, and never more than the gangs can take."""

from dataclasses import replace

from serve.attempts.encode_ahead import EncodeAhead
from serve.attempts.gangs import Gangs
from serve.jobs.job import Job
from serve.messages import LeaseReport
from tests.unit.serve.attempts.scene import JOB


class Call:
    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
        raise RuntimeError("as Ray does for a call that broke")


class Encoders:
    """Notes who was encoded."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self.asked: list[str] = []

    def __call__(self, job: Job) -> Call:
        self.asked.append(job.id)
        self.calls[job.id] = Call()
        return self.calls[job.id]


def job(job_id: str, model: str = "m", attempt: int = 0) -> Job:
    return replace(JOB, id=job_id, model=model, attempt=attempt)


def report_of(name: str, model: str, shape: str = "1", devices: int = 1) -> LeaseReport:
    return LeaseReport(replica=name, pid=1, model=model, shape=shape, devices=devices, holding=None)


def ahead_of(**models: int) -> tuple[EncodeAhead, Encoders]:
    """With so many gangs of each model."""
    gangs, encoders = Gangs(timeout_s=10, free_within_s=10), Encoders()
    for model, number in models.items():
        for i in range(number):
            name = f"{model}{i}"
            gangs.report(report_of(name, model), 0.0)
    return EncodeAhead(encoders, gangs, monotonic=lambda: 1.0), encoders


def test_one_job_for_each_gang_of_its_model() -> None:
    ahead, encoders = ahead_of(m=2, n=1)
    ahead.look([job("a"), job("b"), job("c"), job("d", "n"), job("e", "n"), job("f", "gone")])
    assert encoders.asked == ["a", "b", "d"]


def test_each_is_encoded_once() -> None:
    ahead, encoders = ahead_of(m=1)
    for _ in range(3):
        ahead.look([job("a"), job("b")])
    assert encoders.asked == ["a"]


def test_an_attempt_takes_it_and_leaves_room_for_the_next() -> None:
    ahead, encoders = ahead_of(m=1)
    ahead.look([job("a"), job("b")])
    assert ahead.take("a") is encoders.calls["a"]
    assert ahead.take("a") is None
    ahead.look([job("b")])
    assert encoders.asked == ["a", "b"]
    assert not encoders.calls["a"].cancelled


def test_one_that_is_no_longer_next_is_stopped() -> None:
    ahead, encoders = ahead_of(m=1)
    ahead.look([job("a")])
    ahead.look([job("urgent"), job("a")])
    assert encoders.calls["a"].cancelled
    assert ahead.take("a") is None
    ahead.look([])
    assert encoders.calls["urgent"].cancelled


def test_a_job_that_was_tried_before_is_left_to_its_attempt() -> None:
    ahead, encoders = ahead_of(m=1)
    ahead.look([job("a", attempt=1), job("b")])
    assert encoders.asked == []


def test_gangs_of_any_shape_take_one_job_each() -> None:
    ahead, encoders = ahead_of(m=1)
    ahead._gangs.report(report_of("large", "m", "tp2", 2), 0.0)
    ahead.look([job("a"), job("b"), job("c")])
    assert encoders.asked == ["a", "b"]
