"""What is cleared away and when; one failure is no reason to leave the rest."""

import time
from collections.abc import Sequence

import pytest

from serve.artifacts.store import ArtifactError, clip_prefix, job_prefix
from serve.attempts.janitor import LATE_WRITES_S, ORPHAN_AGE_S, SWEEP_EVERY_S, Janitor
from serve.jobs.job import Status, Timings
from serve.jobs.store import Fence
from tests.unit.serve.attempts.scene import Scene


@pytest.fixture
def janitor(scene: Scene) -> Janitor:
    return Janitor(scene.store, scene.artifacts)


async def keys(scene: Scene, prefix: str = "jobs/") -> list[str]:
    return [info.key for info in await scene.artifacts.list(prefix)]


async def completed(scene: Scene, job_id: str, expires_at: float = 9e12) -> str:
    """A job with its clip and a checkpoint left over; the clip's key."""
    job = await scene.job(job_id)
    prefix = clip_prefix(job_id, job.attempt)
    for key in (f"{prefix}video.mp4", f"{job_prefix(job_id)}checkpoints/000001"):
        await scene.artifacts.put(key, b"x")
    await scene.store.complete(
        Fence(job_id=job_id, epoch=job.epoch, attempt=job.attempt),
        now=120.0,
        clip_prefix=prefix,
        expires_at=expires_at,
        timings=Timings(),
    )
    return f"{prefix}video.mp4"


async def test_a_sweep_keeps_clips_running_jobs_and_young_folders(
    scene: Scene, janitor: Janitor
) -> None:
    clip = await completed(scene, "done")
    await scene.job("runs")
    kept = [clip, "jobs/runs/checkpoints/000001", "jobs/orphan/input"]
    for key in kept[1:]:
        await scene.artifacts.put(key, b"x")
    now = time.time()
    await janitor.clean(now)
    assert await keys(scene) == sorted(kept)
    await janitor.clean(now + ORPHAN_AGE_S + SWEEP_EVERY_S)
    assert await keys(scene) == sorted(kept[:2])


async def test_an_expired_clip_goes(scene: Scene, janitor: Janitor) -> None:
    await completed(scene, "old", expires_at=200.0)
    await janitor.clean(201.0)
    assert not await keys(scene)
    assert (await scene.row("old")).status is Status.EXPIRED


async def test_a_deletion_that_fails_holds_up_no_other_and_is_tried_again(
    scene: Scene, janitor: Janitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for job_id in ("stuck", "plain"):
        await completed(scene, job_id)
        await scene.store.delete(job_id, "a", 130.0)
    delete_prefix = scene.artifacts.delete_prefix

    async def refuse(prefix: str) -> None:
        if "stuck" in prefix:
            raise ArtifactError("no right to delete")
        await delete_prefix(prefix)

    with monkeypatch.context() as patch:
        patch.setattr(scene.artifacts, "delete_prefix", refuse)
        await janitor.clean(140.0)
    assert [job.id for job in await scene.store.fetch(["stuck", "plain"])] == ["stuck"]
    await janitor.clean(141.0)
    assert not await scene.store.fetch(["stuck"])
    assert not await keys(scene)


@pytest.mark.parametrize("deleted", [False, True])
async def test_what_a_stopped_attempt_writes_late_goes_too(
    scene: Scene, janitor: Janitor, deleted: bool
) -> None:
    await scene.job("one")
    await (scene.store.delete if deleted else scene.store.cancel)("one", "a", 120.0)
    janitor.expect_late_writes("one", 120.0)
    await janitor.clean(121.0)
    late = f"{clip_prefix('one', 1)}video.mp4"
    await scene.artifacts.put(late, b"written by a decoder that was at it")
    await janitor.clean(120.0 + LATE_WRITES_S - 1)
    assert await keys(scene) == [late]
    await janitor.clean(120.0 + LATE_WRITES_S)
    assert not await keys(scene)


async def test_late_writes_of_a_job_that_runs_again_are_left_alone(
    scene: Scene, janitor: Janitor
) -> None:
    await scene.job("one")
    janitor.expect_late_writes("one", 120.0)
    await scene.artifacts.put("jobs/one/checkpoints/000001", b"x")
    await janitor.clean(120.0 + LATE_WRITES_S)
    assert await keys(scene) == ["jobs/one/checkpoints/000001"]


async def test_interrupted_writes_are_swept_up(
    scene: Scene, janitor: Janitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[float] = []

    async def sweep(*, written_before: float) -> int:
        swept.append(written_before)
        return 0

    monkeypatch.setattr(scene.artifacts, "sweep", sweep)
    await janitor.clean(10_000.0)
    assert swept == [10_000.0 - ORPHAN_AGE_S]


async def test_a_sweep_asks_nothing_for_jobs_that_are_tidy(
    scene: Scene, janitor: Janitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await completed(scene, "done")
    now = time.time()
    await janitor.clean(now)
    asked: list[Sequence[str]] = []

    async def delete(keys: Sequence[str]) -> None:
        asked.append(keys)

    monkeypatch.setattr(scene.artifacts, "delete", delete)
    await janitor.clean(now + SWEEP_EVERY_S)
    assert not asked
