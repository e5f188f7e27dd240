"""A running job gives its gang to a paid one that would be late, and is none the worse for it."""

import time
from typing import Any

import pytest

from serve.attempts.suspension import Suspension
from serve.jobs.job import Job, Phase, Status
from serve.messages import Holding
from tests.unit.serve.attempts.scene import SPEC, WHOLE, Scene, event, until
from tests.unit.serve.scheduling.dispatching import dispatch_of, free_gang
from tests.unit.serve.scheduling.policing import EachTakes

LONG = type(SPEC)(**{**{f: getattr(SPEC, f) for f in SPEC.__dataclass_fields__}, "steps": 50})
"""Enough steps left to be worth stopping."""


async def denoising(scene: Scene, job_id: str, step: int = 10) -> None:
    scene.gang.say(job_id, event("started", 0), event("step", step))
    await until(lambda: any(job.id == job_id and job.step == step for job in scene.shown))


def holding(scene: Scene, job_id: str) -> Holding:
    return Holding(job_id=job_id, epoch=scene.epoch, attempt=1, step=10)


async def urgent(scene: Scene, job_id: str = "paid", **fields: Any) -> Job:
    """It takes 40 s, and should be there 20 s after that from now on: less than 0.8 of 40 s."""
    return await scene.queue(
        job_id, tier="pro", account_id="p", spec=LONG, created_at=time.time() - 20.0, **fields
    )


async def test_an_urgent_paid_job_gets_the_gang_of_a_free_one_and_that_goes_on(
    scene: Scene,
) -> None:
    told: list[tuple[str, Suspension]] = []
    dispatch = await dispatch_of(
        scene, EachTakes(40.0), suspended=lambda job, why: told.append((job.id, why))
    )
    free_gang(scene)
    await scene.queue("free", spec=LONG, created_at=time.time())
    await dispatch.round()
    await denoising(scene, "free")
    await urgent(scene)
    await dispatch.round()
    assert told == [("free", Suspension.GIVES_WAY)]
    assert not scene.attempts.may_go_on(holding(scene, "free")), "its gang is told to stop"
    await dispatch.round()
    assert len(told) == 1, "one gang is enough"

    scene.gang.say("free", event("checkpoint", 11), None)  # what a gang does then
    await scene.over()
    row = await scene.row("free")
    assert (row.status, row.step, row.preemptions, row.crashes) == (Status.QUEUED, 11, 1, 0)
    assert row.suspended_at is not None
    free_gang(scene)
    await dispatch.round()
    assert scene.attempts.ids() == ["paid"]

    free_gang(scene, "another")
    await dispatch.round()
    assert sorted(scene.attempts.ids()) == ["free", "paid"]
    row = await scene.row("free")
    assert (row.attempt, row.suspended_at) == (2, None)
    assert [note.what for note in row.history] == ["started", "suspended", "resumed"]
    assert "after step 11 of 50 for a clip of a paid tier" in row.history[1].text
    assert "from step 11 of 50" in row.history[2].text
    for job_id in ("paid", "free"):
        scene.gang.say(job_id, *WHOLE, None)
    await scene.over()


@pytest.mark.parametrize("phase", [Phase.ENCODE, Phase.DECODE])
async def test_what_encodes_or_decodes_is_not_stopped(scene: Scene, phase: Phase) -> None:
    told: list[Any] = []
    dispatch = await dispatch_of(scene, EachTakes(40.0), suspended=lambda *why: told.append(why))
    free_gang(scene)
    await scene.queue("free", spec=LONG, created_at=time.time())
    await dispatch.round()
    (attempt,) = scene.attempts.running()
    attempt._show(phase=phase, step=10)
    await urgent(scene)
    await dispatch.round()
    assert told == []
    scene.gang.say("free", *WHOLE, None)
    await scene.over()


@pytest.mark.parametrize(("step", "preemptions"), [(46, 0), (10, 2)])
async def test_nobody_gives_way_more_than_twice_or_shortly_before_its_end(
    scene: Scene, step: int, preemptions: int
) -> None:
    told: list[Any] = []
    dispatch = await dispatch_of(scene, EachTakes(40.0), suspended=lambda *why: told.append(why))
    free_gang(scene)
    await scene.queue("free", spec=LONG, created_at=time.time(), preemptions=preemptions)
    await dispatch.round()
    await denoising(scene, "free", step)
    await urgent(scene)
    await dispatch.round()
    assert (told, scene.attempts.ids()) == ([], ["free"])
    scene.gang.say("free", *WHOLE, None)
    await scene.over()


async def test_a_job_moves_to_a_larger_gang_that_nobody_needs(scene: Scene) -> None:
    told: list[tuple[str, Suspension]] = []
    dispatch = await dispatch_of(
        scene, EachTakes(400.0), suspended=lambda job, why: told.append((job.id, why))
    )
    free_gang(scene)
    await scene.queue("free", spec=LONG, created_at=time.time())
    await dispatch.round()
    await denoising(scene, "free")
    free_gang(scene, "larger", "tp2", 2)
    await dispatch.round()
    assert told == [("free", Suspension.MOVES)]
    scene.gang.say("free", event("checkpoint", 11), None)
    await scene.over()
    free_gang(scene)
    await dispatch.round()
    (attempt,) = scene.attempts.running()
    assert attempt.shape == "tp2"
    row = await scene.row("free")
    assert (row.preemptions, row.step) == (0, 11)
    assert [note.reason for note in row.history] == ["fair", "larger_gang", "larger_gang"]
    scene.gang.say("free", *WHOLE, None)
    await scene.over()


async def test_nobody_moves_while_somebody_waits(scene: Scene) -> None:
    told: list[Any] = []
    dispatch = await dispatch_of(scene, EachTakes(400.0), suspended=lambda *why: told.append(why))
    free_gang(scene)
    await scene.queue("free", spec=LONG, created_at=time.time())
    await dispatch.round()
    await denoising(scene, "free")
    await scene.queue("next", spec=LONG, created_at=time.time())
    free_gang(scene, "larger", "tp2", 2)
    await dispatch.round()
    assert sorted(scene.attempts.ids()) == ["free", "next"]
    assert told == []
    for job_id in ("free", "next"):
        scene.gang.say(job_id, *WHOLE, None)
    await scene.over()
