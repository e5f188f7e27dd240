"""A round starts what can start, and a gang set aside for a job never stays so by accident."""

from typing import Any

import pytest

from serve.jobs.job import Job, Status
from tests.unit.serve.attempts.scene import WHOLE, Scene, until
from tests.unit.serve.scheduling.dispatching import dispatch_of, free_gang


async def test_the_best_waiting_job_gets_the_free_gang(scene: Scene) -> None:
    dispatch = await dispatch_of(scene)
    await scene.queue("early", tier="free", created_at=1.0)
    await scene.queue("late", tier="pro", created_at=2.0)
    await dispatch.round()
    assert not scene.attempts.ids(), "no gang has reported"
    free_gang(scene)
    await dispatch.round()
    assert scene.attempts.ids() == ["late"]
    scene.gang.say("late", *WHOLE, None)
    await scene.over()
    await dispatch.round()
    assert scene.attempts.ids() == ["early"]
    scene.gang.say("early", *WHOLE, None)
    await scene.over()


async def test_a_clip_waits_for_a_gang_with_room_for_it(scene: Scene) -> None:
    dispatch = await dispatch_of(scene)
    await scene.queue("large", created_at=1.0)
    free_gang(scene)
    await dispatch.round()
    assert not scene.attempts.ids()
    assert scene.encoder.asked == ["large"], "encoded ahead, for a gang of any shape"
    await scene.queue("small", created_at=2.0)
    await dispatch.round()
    assert scene.attempts.ids() == ["small"]
    free_gang(scene, "gangs", "tp2", 2)
    await dispatch.round()
    assert sorted(scene.attempts.ids()) == ["large", "small"]
    for job_id in ("small", "large"):
        scene.gang.say(job_id, *WHOLE, None)
    await scene.over()


async def test_a_start_that_fails_gives_its_gang_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = await dispatch_of(scene)
    free_gang(scene)
    await scene.queue("one")

    async def away(*_: Any, **__: Any) -> Job | None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(scene.store, "start", away)
        with pytest.raises(ConnectionError):
            await dispatch.round()
    await scene.store.cancel("one", "a", 120.0)
    await dispatch.round()
    (free,) = scene.gangs.free("m", scene.now())
    assert free.num_free == 1


async def test_a_start_whose_answer_was_lost_is_taken_up_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = await dispatch_of(scene)
    free_gang(scene)
    await scene.queue("one")
    start = scene.store.start

    async def lost(*args: Any, **history: Any) -> Job | None:
        await start(*args, **history)
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(scene.store, "start", lost)
        with pytest.raises(ConnectionError):
            await dispatch.round()
    assert (await scene.row("one")).status is Status.IN_PROGRESS
    await scene.store.adopt(scene.epoch, 130.0, running=scene.attempts.ids())
    await dispatch.round()
    scene.gang.say("one", *WHOLE, None)
    await scene.over()
    assert (await scene.row("one")).status is Status.COMPLETED


async def test_a_job_of_a_model_no_longer_offered_fails_and_is_counted_once(scene: Scene) -> None:
    dispatch = await dispatch_of(scene)
    await scene.queue("one", model="gone")
    await dispatch.round()
    await dispatch.round()
    assert [(job.status, job.failure and job.failure.code) for job in scene.finished] == [
        (Status.FAILED, "model_unavailable")
    ]


async def test_the_next_job_is_encoded_while_the_gang_is_busy(scene: Scene) -> None:
    dispatch = await dispatch_of(scene)
    free_gang(scene)
    for number in range(3):
        await scene.queue(f"job{number}", created_at=float(number))
    for _ in range(2):
        await dispatch.round()
        await until(lambda: "job0" in scene.gang.given)
    assert sorted(scene.encoder.asked) == ["job0", "job1"], "one ahead of the one gang, and once"
    ahead = scene.encoder.replies[scene.encoder.asked.index("job1")]
    scene.gang.say("job0", *WHOLE, None)
    await scene.over()
    await dispatch.round()
    await until(lambda: "job1" in scene.gang.given)
    assert scene.gang.given["job1"] is ahead
    assert sorted(scene.encoder.asked) == ["job0", "job1", "job2"]
    for number in (1, 2):
        scene.gang.say(f"job{number}", *WHOLE, None)
        await scene.over()
        await dispatch.round()
    await scene.over()


@pytest.mark.parametrize(("encoder_died", "blamed"), [(True, (0, 1)), (False, (1, 2))])
async def test_an_attempt_that_breaks_before_it_begins_is_not_blamed_for_its_encoder(
    scene: Scene, encoder_died: bool, blamed: tuple[int, int]
) -> None:
    """Encoded ahead, it may have died long before the attempt; else it was the gang, or the job."""
    dispatch = await dispatch_of(scene)

    async def encoded(job_id: str, *_: object) -> None:
        if encoder_died and job_id == "one":
            raise ConnectionError

    scene.encoder._answer = encoded
    free_gang(scene)
    await scene.queue("busy", created_at=0.0)
    await scene.queue("one", created_at=1.0)
    await dispatch.round()
    scene.gang.say("busy", *WHOLE, None)
    scene.gang.say("one", ConnectionError(), ConnectionError())
    await scene.over()
    for crashes in blamed:
        free_gang(scene)
        await dispatch.round()
        await scene.over()
        row = await scene.row("one")
        assert (row.status, row.crashes) == (Status.QUEUED, crashes)


async def test_an_account_has_so_many_jobs_in_progress_at_once(scene: Scene) -> None:
    dispatch = await dispatch_of(scene)
    for number in (1, 2):
        await scene.queue(f"ann{number}", account_id="ann", created_at=number, jobs_at_once=1)
        free_gang(scene, f"gang{number}")
    await scene.queue("bob", account_id="bob", created_at=3.0)
    await dispatch.round()
    assert scene.attempts.ids() == ["ann1", "bob"], "a gang is free for bob, not for ann"
    scene.gang.say("ann1", *WHOLE, None)
    await until(lambda: scene.attempts.ids() == ["bob"])
    free_gang(scene, "gang1")
    await dispatch.round()
    assert scene.attempts.ids() == ["bob", "ann2"]
    assert "clips of your account" in (await scene.row("ann2")).history[-1].text
    for job_id in ("bob", "ann2"):
        scene.gang.say(job_id, *WHOLE, None)
    await scene.over()


async def test_its_owner_is_told_what_stood_before_a_job_and_not_who(scene: Scene) -> None:
    dispatch = await dispatch_of(scene)
    await scene.queue("ann1", account_id="ann", tier="pro", created_at=1.0)
    await scene.queue("ann2", account_id="ann", created_at=2.0)
    await scene.queue("bob1", account_id="bob", created_at=3.0)
    await dispatch.round()
    for job_id in ("ann1", "ann2", "bob1"):
        free_gang(scene)
        await dispatch.round()
        scene.gang.say(job_id, *WHOLE, None)
        await scene.over()
    (note,) = (await scene.row("bob1")).history
    assert (note.what, note.reason) == ("started", "due")
    assert ": 1 clip of a paid tier and 1 other clip stood before it. Its turn" in note.text
    assert "ann" not in note.text
