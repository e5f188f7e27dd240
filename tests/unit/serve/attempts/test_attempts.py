"""Attempts side by side: the row decides, every end is settled, none is stopped by mistake."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from serve.artifacts.store import ArtifactError, checkpoint_key
from serve.attempts.attempt import GangSilent
from serve.jobs.job import Job, Status
from tests.unit.serve.attempts.scene import GANG, WHOLE, Reply, Scene, Stream, event, until


async def test_a_started_attempt_is_driven_to_its_clip(scene: Scene) -> None:
    job = await scene.job("one")
    scene.attempts.begin(job, GANG)
    await scene.artifacts.put(checkpoint_key("one", 2), b"x")
    scene.gang.say("one", *WHOLE, None)
    await scene.over()
    assert (await scene.row("one")).status is Status.COMPLETED
    assert [done.status for done in scene.finished] == [Status.COMPLETED]
    assert not await scene.artifacts.list("jobs/one/checkpoints/"), "spent checkpoints are gone"


async def test_an_attempt_that_begins_while_rows_are_read_is_left_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await scene.job("one"), await scene.job("two")
    scene.attempts.begin(one, GANG)
    fetch = scene.store.fetch

    async def fetch_meanwhile(ids: list[str]) -> list[Job]:
        rows = await fetch(ids)
        if "two" not in scene.attempts:
            scene.attempts.begin(two, GANG)
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(scene.store, "fetch", fetch_meanwhile)
        await scene.attempts.drop_moved_on()
    scene.gang.say("one", *WHOLE, None)
    scene.gang.say("two", *WHOLE, None)
    await scene.over()
    assert (await scene.row("two")).status is Status.COMPLETED


async def test_a_cancelled_row_stops_its_attempt(scene: Scene) -> None:
    scene.attempts.begin(await scene.job("one"), GANG)
    scene.gang.say("one", event("started", 0))
    await until(lambda: any(job.step == 0 and job.phase == "denoise" for job in scene.shown))
    await scene.store.cancel("one", "a", 120.0)
    await scene.attempts.drop_moved_on()
    await scene.over()
    assert "one" in scene.gang.cancelled
    assert "lost" not in [each[0] for each in scene.lessons.told], "nothing is made again"
    assert [done.status for done in scene.finished] == [Status.CANCELLED]
    assert (await scene.row("one")).status is Status.CANCELLED


async def test_a_row_that_ended_by_the_attempt_itself_does_not_cut_its_end_short(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.attempts.begin(await scene.job("one"), GANG)
    await scene.artifacts.put(checkpoint_key("one", 2), b"x")
    complete = scene.store.complete

    async def complete_and_scan(*args: Any, **kwargs: Any) -> bool:
        published = await complete(*args, **kwargs)
        await scene.attempts.drop_moved_on()
        return published

    monkeypatch.setattr(scene.store, "complete", complete_and_scan)
    tidied = asyncio.Event()
    delete = scene.artifacts.delete

    async def delete_and_scan(keys: Any) -> None:
        await scene.attempts.drop_moved_on()
        await delete(keys)
        tidied.set()

    monkeypatch.setattr(scene.artifacts, "delete", delete_and_scan)
    scene.gang.say("one", *WHOLE, None)
    await asyncio.wait_for(tidied.wait(), 5)
    await scene.over()
    assert [done.status for done in scene.finished] == [Status.COMPLETED]
    assert not await scene.artifacts.list("jobs/one/checkpoints/")


async def test_a_call_that_ray_cancels_puts_the_job_back_in_the_queue(scene: Scene) -> None:
    scene.attempts.begin(await scene.job("one"), GANG)
    scene.gang.say("one", event("started", 0), asyncio.CancelledError())
    await scene.over()
    job = await scene.row("one")
    assert (job.status, job.crashes) == (Status.QUEUED, 0)


async def test_steps_that_a_break_took_are_told_once_and_a_suspended_one_lost_none(
    scene: Scene,
) -> None:
    for job_id, told in (
        ("broken", [event("step", 2), GangSilent()]),
        ("suspended", [event("step", 2), event("checkpoint", 2), None]),
    ):
        job = await scene.job(job_id)
        scene.lessons.told.clear()
        scene.gang.say(job_id, event("started", 0), event("step", 1), event("checkpoint", 1))
        scene.gang.say(job_id, *told)
        scene.attempts.begin(job, GANG)
        await scene.over()
        words = [each for each in scene.lessons.told if each[0] not in ("step", "encode")]
        assert words[:2] == [("began", 1), ("went on", 0)]
        lost = [("broke", "GangSilent"), ("lost", 1)]
        assert words[2:] == (lost if job_id == "broken" else [("lost", 0)])


async def test_a_deleted_job_whose_row_is_gone_is_told_as_cancelled(scene: Scene) -> None:
    scene.attempts.begin(await scene.job("one"), GANG)
    await scene.store.delete("one", "a", 120.0)
    await scene.store.purge("one")
    scene.gang.say("one", *WHOLE, None)
    await scene.over()
    assert scene.shown[-1].status is Status.CANCELLED
    assert [done.status for done in scene.finished] == [Status.CANCELLED]


async def test_a_newer_attempt_is_not_told_as_what_the_older_one_left(scene: Scene) -> None:
    job = await scene.job("one")
    scene.attempts.begin(job, GANG)
    told = len(scene.shown)
    await scene.attempts.conclude([replace(job, status=Status.QUEUED, phase=None)])
    assert len(scene.shown) == told
    scene.gang.say("one", *WHOLE, None)
    await scene.over()


async def test_an_encoder_that_breaks_does_not_take_back_durable_steps(scene: Scene) -> None:
    job = await scene.job("one")
    scene.attempts.begin(job, GANG)
    scene.gang.say("one", event("started", 0), event("checkpoint", 2), None)
    await scene.over()
    again = await scene.store.start("one", scene.epoch, 120.0)
    assert again is not None
    scene.attempts.begin(again, GANG)
    scene.gang.say("one", RuntimeError("the encoder is away"))
    await scene.over()
    assert (await scene.row("one")).step == 2


@pytest.mark.parametrize("scheduler_dies", [False, True])
async def test_what_earlier_attempts_took_is_in_the_jobs_timings(
    scene: Scene, scheduler_dies: bool
) -> None:
    scene.attempts.begin(await scene.job("one"), GANG)
    scene.gang.say("one", event("started", 0), event("step", 1), event("checkpoint", 1))
    if scheduler_dies:
        await until(lambda: scene.gang.of("one").empty() and scene.shown[-1].step == 1)
        scene.epoch = await scene.store.take_epoch()
        await scene.store.adopt(scene.epoch, 130.0)
        await scene.attempts.drop_moved_on()
    else:
        scene.gang.say("one", RuntimeError("bad"))
    await scene.over()
    again = await scene.store.start("one", scene.epoch, 140.0)
    assert again is not None
    scene.attempts.begin(again, GANG)
    scene.gang.say("one", event("started", 1), event("step", 2), event("step", 3))
    scene.gang.say("one", event("latents", 3), None)
    await scene.over()
    took = (await scene.row("one")).timings
    assert (took.encode_s, took.denoise_s, took.decode_s) == (1.0, 1.5, 0.25)
    assert took.gpu_s == 2.75
    assert took.queue_s == 10.0, "from being stored to its first start"


async def test_a_job_in_progress_for_too_long_fails_whatever_the_wall_clock_does(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await scene.job("one")
    scene.attempts.begin(replace(job, run_s=50.0), GANG)
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: 9e9)
        await scene.attempts.stop_overdue(100.0)
    assert (await scene.row("one")).status is Status.IN_PROGRESS
    await scene.attempts.stop_overdue(49.0)
    await scene.over()
    failed = await scene.row("one")
    assert failed.status is Status.FAILED
    assert failed.failure is not None
    assert failed.failure.code == "run_time_exceeded"


async def test_a_call_that_cannot_be_cancelled_keeps_nothing_from_ending(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancel(_: object) -> None:
        raise ConnectionError("what the call itself raised")

    monkeypatch.setattr(Stream, "cancel", cancel)
    monkeypatch.setattr(Reply, "cancel", cancel)
    scene.attempts.begin(await scene.job("one"), GANG)
    scene.gang.say("one", *WHOLE, None)
    await scene.over()
    assert (await scene.row("one")).status is Status.COMPLETED


async def test_what_cannot_be_cleared_away_is_left_and_the_job_still_counted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: Any) -> None:
        raise ArtifactError("no right to delete")

    monkeypatch.setattr(scene.artifacts, "delete", refuse)
    scene.attempts.begin(await scene.job("one"), GANG)
    scene.gang.say("one", *WHOLE, None)
    await scene.over()
    assert [done.status for done in scene.finished] == [Status.COMPLETED]
