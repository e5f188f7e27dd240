"""Faults of the stores, told once each."""

from typing import Any

from serve.watching.store_faults import StoreFaults


class Recorder:
    def __init__(self) -> None:
        self.errors: list[tuple[str, str, int]] = []
        self.free: Any = None

    def store_errors(self, store: str, role: str, count: int) -> None:
        self.errors.append((store, role, count))

    def disk(self, free_bytes: int | None, least_bytes: int) -> None:
        self.free = (free_bytes, least_bytes)


async def test_what_came_since_the_last_time_is_told() -> None:
    counts, recorder = [(2, 0)], Recorder()
    faults = StoreFaults(lambda: counts[-1], lambda: 7, least_bytes=5)
    faults.measure(recorder)  # type: ignore[arg-type]
    assert recorder.free == (None, 5)
    await faults.look()
    counts.append((3, 4))
    faults.measure(recorder)  # type: ignore[arg-type]
    assert recorder.errors == [
        ("jobs", "scheduler", 2),
        ("artifacts", "scheduler", 0),
        ("jobs", "scheduler", 1),
        ("artifacts", "scheduler", 4),
    ]
    assert recorder.free == (7, 5)
