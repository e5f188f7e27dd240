"""The policy in the running service: who goes first, who gives way, what is kept for later, and
what a killed Scheduler leaves to the next one."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from serve.scheduling.pulse import MEMORY
from tests.integration.service.queue_rows import QueueRows
from tests.integration.service.running import SETTINGS, Service, until

pytestmark = pytest.mark.timeout(600)
STEPS = 100
FAR_S = 3_600.0
POLICY: dict[str, Any] = {
    "tick_s": 0.25,
    "remember_every_s": 0.25,
    "saturation": {"drain_target_s": 1.0, "smoothing_s": 0.5},
    # Deferred jobs stay so until the gang is idle.
    "release": {"fill_to": 0.0, "lead_s": 1.0},
    # A paid job that has to wait at all is urgent.
    "tiers": {tier: {"least_target_s": 600.0} for tier in ("plus", "pro", "team", "enterprise")},
    "preemption": {"gap": 1e6},
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("policy"), {**SETTINGS, "policy": POLICY})
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def rows(service: Service) -> QueueRows:
    return QueueRows(service)


@pytest.fixture(scope="module")
def reference(rows: QueueRows) -> bytes:
    """The clip that an undisturbed run makes."""
    (job,) = rows.finished(rows.put("reference", steps=STEPS))
    return rows.clip(job)


def test_a_job_that_gives_way_goes_on_and_makes_the_same_clip(
    service: Service, rows: QueueRows, reference: bytes
) -> None:
    rows.put("free", steps=STEPS)
    rows.at_step("free", 20)
    rows.put("paid", tier="pro")
    (paid,) = rows.finished("paid")
    (free,) = rows.finished("free")
    assert (free.preemptions, free.attempt, free.crashes) == (1, 2, 0)
    assert [note.what for note in free.history] == ["started", "suspended", "resumed"]
    assert paid.completed_at < free.completed_at  # type: ignore[operator]
    assert rows.clip(free) == reference
    steps = [step.step for step in service.steps("free")]
    assert steps == list(range(1, STEPS + 1)), "it stopped with a checkpoint of its last step"


def test_paid_jobs_overtake_and_a_crowd_of_one_account_delays_only_itself(
    rows: QueueRows,
) -> None:
    rows.put("busy", steps=STEPS)
    rows.at_step("busy", 10)
    crowd = [rows.put(f"crowd{n}", account_id="crowd") for n in range(5)]
    rows.put("lone")
    rows.put("payer", tier="plus")
    jobs = rows.finished("payer", "lone", *crowd)
    first, *order = sorted(jobs, key=lambda job: job.started_at or 0.0)
    assert first.id == "payer"
    assert [job.id for job in order].index("lone") <= 1
    (note,) = jobs[1].history
    assert "stood before it" in note.text
    rows.finished("busy")


def test_a_deferred_job_gets_what_is_left_over_and_is_kept(rows: QueueRows) -> None:
    rows.put("first", steps=STEPS)
    rows.at_step("first", 5)
    promised_by = time.time() + FAR_S
    rows.put("later", promised_by=promised_by, predicted_wait_s=60.0)
    rows.at_step("first", STEPS // 2)
    (later,) = rows.get("later")
    assert later.deferred, "there is no room yet"
    first, later = rows.finished("first", "later")
    assert [note.what for note in later.history] == ["released", "started"]
    assert later.started_at >= first.completed_at - 5.0  # type: ignore[operator]
    assert later.promised_by == promised_by
    assert later.completed_at < promised_by  # type: ignore[operator]


def test_a_killed_scheduler_forgets_no_promise_and_no_gate(
    service: Service, rows: QueueRows
) -> None:
    promises = {f"owed{n}": time.time() + FAR_S - 60.0 * n for n in range(3)}
    rows.put("long", steps=3 * STEPS)
    rows.at_step("long", 10)
    for name, promised_by in promises.items():
        rows.put(name, promised_by=promised_by, predicted_wait_s=60.0)
    before = until(lambda: _shut_gate(rows), "the lowest gate to be shut, and remembered")
    scheduler = service.replica("Scheduler")
    scheduler.kill()
    rows.wait("long", lambda job: job.attempt == 2, "to go on under a new Scheduler")
    assert _shut_gate(rows) == before, "as it was, since when it was"
    owed = rows.get(*promises)
    assert {job.id: job.promised_by for job in owed} == promises
    assert all(job.deferred for job in owed)
    owed = rows.finished(*promises)
    assert {job.id: job.promised_by for job in owed} == promises
    released_at = [job.released_at or 0.0 for job in owed]
    assert released_at == sorted(released_at, reverse=True), "the earliest promise first"
    rows.finished("long")


def _shut_gate(rows: QueueRows) -> dict[str, Any] | None:
    """The lowest tier's gate as the store remembers it, if it is closed."""
    plain: Any = rows.ask(lambda store: store.recall(MEMORY))
    gate: dict[str, Any] = plain["watch"]["tiers"]["new"]["gate"] if plain else {}
    return gate if gate.get("closed") else None
