"""Days begin at midnight UTC, whatever the clock on the wall shows."""

from serve.jobs.usage import Standing, day_of, days_back, seconds_left

NEW_YEAR = 1_767_225_600.0
"""2026-01-01 00:00 UTC."""


def test_a_day_begins_at_midnight() -> None:
    assert [day_of(NEW_YEAR + off) for off in (-0.5, 0.0, 86_399.9, 86_400.0)] == [
        "2025-12-31",
        "2026-01-01",
        "2026-01-01",
        "2026-01-02",
    ]


def test_how_long_a_day_still_is() -> None:
    assert [seconds_left(NEW_YEAR + off) for off in (-0.5, 0.0, 86_399.0)] == [0.5, 86_400.0, 1.0]


def test_today_is_one_of_the_last_days() -> None:
    assert days_back(NEW_YEAR + 5.0, 1) == "2026-01-01"
    assert days_back(NEW_YEAR + 5.0, 30) == "2025-12-03"


def test_what_live_jobs_should_take_counts_too() -> None:
    standing = Standing(waiting=1, running=2, expected_gpu_s=30.0, used_gpu_s=12.0)
    assert standing.committed_gpu_s == 42.0
