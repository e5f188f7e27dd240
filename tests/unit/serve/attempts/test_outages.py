"""Stores that are away for a while cost no job its attempt, its clip or its good name."""

from typing import Any

import pytest

from serve.artifacts.store import ArtifactError, ArtifactMissing, clip_prefix
from serve.jobs.job import Status
from tests.unit.serve.attempts.scene import GANG, WHOLE, Scene, event

WRITES = ("advance", "requeue", "complete", "fail", "fetch")


def away(scene: Scene, patch: pytest.MonkeyPatch, *, answered: bool, times: int = 2) -> list[str]:
    """Each kind of call fails `times` times at first; `answered`: after the store has done it."""
    failed: list[str] = []

    def failing(name: str) -> Any:
        plain = getattr(scene.store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            if failed.count(name) >= times:
                return await plain(*args, **kwargs)
            failed.append(name)
            if answered:
                await plain(*args, **kwargs)
            raise ConnectionError

        return call

    for name in WRITES:
        patch.setattr(scene.store, name, failing(name))
    return failed


@pytest.mark.parametrize("answered", [False, True])
async def test_a_database_that_is_away_for_a_while_costs_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, answered: bool
) -> None:
    await scene.artifacts.put(clip_prefix("one", 1) + "video.mp4", b"the clip")
    scene.attempts.begin(await scene.job("one"), GANG)
    failed = away(scene, monkeypatch, answered=answered)
    scene.gang.say("one", *WHOLE, None)
    await scene.over()
    assert {"advance", "complete"} <= set(failed)
    job = await scene.row("one")
    assert (job.status, job.attempt, job.crashes) == (Status.COMPLETED, 1, 0)
    assert await scene.artifacts.get(f"{job.clip_prefix}video.mp4") == b"the clip"
    assert [done.status for done in scene.finished] == [Status.COMPLETED]


async def test_the_end_of_a_broken_attempt_is_written_once_the_database_is_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.attempts.begin(await scene.job("one"), GANG)
    failed = away(scene, monkeypatch, answered=False)
    scene.gang.say("one", event("started", 0), RuntimeError("bad"))
    await scene.over()
    assert "requeue" in failed
    job = await scene.row("one")
    assert (job.status, job.crashes) == (Status.QUEUED, 1)


@pytest.mark.parametrize(
    ("error", "crashes"), [(ArtifactError("down"), 0), (ArtifactMissing("jobs/one/input"), 1)]
)
async def test_an_artifact_store_that_is_away_is_not_the_jobs_fault(
    scene: Scene, error: Exception, crashes: int
) -> None:
    scene.attempts.begin(await scene.job("one"), GANG)
    scene.gang.say("one", event("started", 0), error)
    await scene.over()
    job = await scene.row("one")
    assert (job.status, job.crashes) == (Status.QUEUED, crashes)
