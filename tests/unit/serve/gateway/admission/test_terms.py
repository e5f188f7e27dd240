"""What an account may ask of a model, and what works where it asked for too much."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from serve.gateway.admission.rate_headers import duration, gpu_second_headers
from serve.gateway.admission.terms import (
    allowance_of,
    check_clip,
    check_model,
    quota_spent,
    too_many_jobs,
    within,
)
from serve.gateway.errors import ApiError
from serve.jobs.job import Job
from serve.jobs.store import Allowance
from serve.messages import QueuePlace, Snapshot
from serve.settings.accounts import Limits
from tests.limits import TINY_LIMITS

Make = Callable[..., Job]
MakeSnapshot = Callable[..., Snapshot]


def test_no_limits_refuse_nothing(a_job: Make) -> None:
    check_model("tiny", Limits())
    check_clip(a_job(), Limits())
    assert within(TINY_LIMITS, Limits()) == TINY_LIMITS
    assert allowance_of(Limits(), 9) == Allowance(live=9)


def test_at_the_limit_is_within_it(a_job: Make) -> None:
    """The job has 64x32 pixels, 2.125 s and 2 GPU-seconds."""
    check_clip(a_job(), Limits(max_size="32x64", max_seconds=2.125, gpu_seconds_per_day=2.0))
    for limits, code in (
        (Limits(max_size="64x31"), "size_not_allowed"),
        (Limits(max_seconds=2.124), "seconds_not_allowed"),
        (Limits(gpu_seconds_per_day=1.9), "clip_not_allowed"),
    ):
        with pytest.raises(ApiError) as caught:
            check_clip(a_job(), limits)
        assert (caught.value.status, caught.value.code) == (403, code)


def test_defaults_are_those_that_the_account_may_have() -> None:
    wide = replace(TINY_LIMITS, sizes=((96, 96), (64, 32), (96, 64)))
    assert within(wide, Limits(max_size="64x32")).sizes == ((64, 32), (96, 96), (96, 64))
    frames = [
        within(TINY_LIMITS, Limits(max_seconds=seconds)).default_frames
        for seconds in (9.0, 2.125, 2.1, 1.0, 0.2, 0.01)
    ]
    assert frames == [17, 17, 9, 1, 1, 1]


def test_how_many_jobs_the_store_may_hold() -> None:
    assert allowance_of(Limits(jobs_waiting=2), 9) == Allowance(live=9, waiting=2)
    assert allowance_of(Limits(jobs_at_once=2), 9) == Allowance(live=9)
    assert allowance_of(Limits(jobs_at_once=1, jobs_waiting=2), 9) == Allowance(live=3)
    assert allowance_of(Limits(gpu_seconds_per_day=9.0), 7) == Allowance(live=7, gpu_s=9.0)


def test_the_first_of_the_callers_own_jobs_says_when(a_snapshot: MakeSnapshot) -> None:
    snapshot = a_snapshot(
        running_eta_s={"a": 300.5, "other": 1.0},
        places={"b": QueuePlace(position=0, eta_s=400.0), "c": QueuePlace(position=1, eta_s=None)},
    )
    for live, retry_after in ((["a", "b"], "301"), (["b", "c"], "400"), (["c"], "5")):
        fault = too_many_jobs(dict.fromkeys(live), snapshot, 1_000.0)
        assert (fault.status, fault.headers["retry-after"]) == (429, retry_after)
        assert ("x-should-retry" in fault.headers) == (retry_after != "5")
    assert too_many_jobs({"a": None}, None, 1_000.0).headers["retry-after"] == "5"


def test_deferred_jobs_end_when_it_was_promised(a_snapshot: MakeSnapshot) -> None:
    runs = a_snapshot(running_eta_s={"a": 300.5})
    for live, snapshot, retry_after in (
        ({"a": 1_200.0, "d": 9_000.0}, runs, "301"),
        ({"d": 9_000.0, "e": 8_000.0, "f": None}, runs, "7000"),
        ({"d": 9_000.0}, None, "8000"),
        ({"d": 900.0}, runs, "5"),
    ):
        fault = too_many_jobs(live, snapshot, 1_000.0)
        assert fault.headers["retry-after"] == retry_after
        assert ("x-should-retry" in fault.headers) == (retry_after != "5")


def test_a_spent_day_ends_at_midnight(a_job: Make) -> None:
    fault = quota_spent(a_job(created_at=86_400.0 - 90.5), 99.0, 100.0)
    assert fault.headers["retry-after"] == "91"
    assert fault.headers["x-ratelimit-remaining-gpu-seconds"] == "1"
    assert "x-should-retry" not in fault.headers
    assert quota_spent(a_job(created_at=0.0), 99.0, 100.0).headers["x-should-retry"] == "false"


def test_durations_as_such_headers_write_them() -> None:
    seconds = (0.0, 0.0101, 0.9999, 1.0, 1.2, 60, 360, 3_599.1, 3_600, 86_400)
    assert [duration(each) for each in seconds] == [
        "0ms", "11ms", "1000ms", "1s", "2s", "1m0s", "6m0s", "1h0m0s", "1h0m0s", "24h0m0s",
    ]  # fmt: skip


def test_what_is_left_is_never_less_than_nothing() -> None:
    assert gpu_second_headers(5e6, 1.0, 0.0)["x-ratelimit-limit-gpu-seconds"] == "5000000"
    headers = gpu_second_headers(100.5, -3.0, 0.0)
    assert headers == {
        "x-ratelimit-limit-gpu-seconds": "100.5",
        "x-ratelimit-remaining-gpu-seconds": "0",
        "x-ratelimit-reset-gpu-seconds": "24h0m0s",
    }
