"""Why a job waits, in its owner's words."""

from collections.abc import Callable

import pytest

from serve.gateway.live import event_of
from serve.gateway.views.history import decision_of
from serve.gateway.views.narration import Narration
from serve.jobs.job import Job, Note, Status
from tests.unit.serve.gateway.views.test_narration import events

Make = Callable[..., Job]
DEFERRED = Note(at=1_000.5, what="deferred", reason="tier_busy", text="Later.")
RELEASED = Note(at=1_100.0, what="released", reason="room", text="Now it waits.")
SUSPENDED = Note(at=1_200.0, what="suspended", reason="gave_way", text="It goes on soon.")


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "waiting"),
        ({"promised_by": 2_000.0}, "deferred"),
        ({"promised_by": 2_000.0, "released_at": 1_100.0}, "waiting"),
        ({"suspended_at": 1_200.0}, "suspended"),
        ({"status": Status.IN_PROGRESS, "promised_by": 2_000.0}, "running"),
        ({"status": Status.CANCELLED, "promised_by": 2_000.0}, "ended"),
    ],
)
def test_where_a_job_stands(a_job: Make, changes: dict[str, object], state: str) -> None:
    assert decision_of(a_job(**changes)).state == state


def test_the_last_decision_and_all_before(a_job: Make) -> None:
    told = decision_of(a_job(history=(DEFERRED, RELEASED), promised_by=2_000.9))
    assert (told.reason, told.text, told.ready_by) == ("room", "Now it waits.", 2_000)
    assert [note.at for note in told.history] == [1_000, 1_100]


def test_a_job_of_which_nothing_is_known(a_job: Make) -> None:
    told = decision_of(a_job())
    assert (told.reason, told.text, told.ready_by, told.history) == (None, None, None, [])


def test_who_listens_is_told_of_each_change_once(a_job: Make) -> None:
    job = a_job(history=(DEFERRED,), promised_by=2_000.0)
    narration = Narration(job)
    [(_, status)] = events(narration.opening(None))
    assert status["decision"] == {
        "state": "deferred",
        "reason": "tier_busy",
        "text": "Later.",
        "ready_by": 2_000,
    }
    assert narration.tell(event_of(job)) == b""
    for note, state in ((RELEASED, "waiting"), (SUSPENDED, "suspended")):
        changed = event_of(a_job(history=(DEFERRED, note), promised_by=2_000.0))
        [(_, status)] = events(narration.tell(changed))
        assert (status["decision"]["state"], status["decision"]["text"]) == (state, note.text)
        assert narration.tell(changed) == b""
    running = event_of(a_job(status=Status.IN_PROGRESS, history=(SUSPENDED,)))
    assert events(narration.tell(running))[0][1]["decision"]["state"] == "running"
