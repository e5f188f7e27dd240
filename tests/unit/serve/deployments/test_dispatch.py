"""A round starts what can start, and a gang set aside for a job never stays so by accident."""

from typing import Any

import pytest

from autoscaling.ordering import TierThenArrival
from serve.deployments.costs import Costs
from serve.deployments.dispatch import Dispatch
from serve.deployments.view import View
from serve.jobs.job import Job, Status
from serve.messages import LeaseReport
from tests.unit.serve.deployments.scene import WHOLE, Scene


async def dispatch_of(scene: Scene) -> Dispatch:
    order = TierThenArrival()
    view = View(("free", "pro"), order, Costs({}))
    scene.listeners.append(view.seen)
    scene.epoch = await scene.store.take_epoch()
    return Dispatch(
        epoch=scene.epoch,
        ledger=scene.store,
        artifacts=scene.artifacts,
        gangs=scene.gangs,
        order=order,
        view=view,
        attempts=scene.attempts,
        shapes={"m": ["1"]},
    )


def free_gang(scene: Scene, name: str = "gang") -> None:
    scene.gangs.report(
        LeaseReport(replica=name, pid=1, model="m", shape="1", devices=1, holding=None), scene.now()
    )


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


async def test_a_start_that_fails_gives_its_gang_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = await dispatch_of(scene)
    free_gang(scene)
    await scene.queue("one")

    async def away(*_: Any) -> Job | None:
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

    async def lost(*args: Any) -> Job | None:
        await start(*args)
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
