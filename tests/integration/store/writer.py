"""A process that writes to the store as fast as it can; `test_processes.py` starts and kills it.

Arguments: database URL, a name for its jobs, how many jobs. It prints what it has been promised.
"""

import asyncio
import sys
import time

from pipelines.spec import ClipSpec
from serve.jobs.job import Job, Phase, Status, Timings
from serve.jobs.sql_store import SqlJobStore, open_store
from serve.jobs.store import Fence
from serve.jobs.upgrade import upgrade

SPEC = ClipSpec(
    prompt="a boat at dusk",
    negative_prompt="",
    width=64,
    height=32,
    num_frames=17,
    fps=8,
    steps=3,
    guidance_scale=3.5,
    seed=1,
    sound=False,
    has_image=False,
)


async def live(store: SqlJobStore, job_id: str, epoch: int) -> None:
    """One job from submission to its clip; every line is a promise that the store has kept."""
    job = Job(
        id=job_id,
        account_id="acct_a",
        tier="pro",
        model="m",
        spec=SPEC,
        status=Status.QUEUED,
        created_at=time.time(),
        predicted_gpu_s=1.0,
    )
    await store.insert(job, max_waiting=1_000_000)
    print("accepted", job_id, flush=True)
    started = await store.start(job_id, epoch, time.time())
    assert started
    fence = Fence(job_id=job_id, epoch=epoch, attempt=started.attempt)
    for step in range(SPEC.steps):
        assert await store.advance(fence, phase=Phase.DENOISE, step=step + 1, now=time.time())
    assert await store.complete(
        fence, now=time.time(), clip_prefix="p/", expires_at=9e9, timings=Timings()
    )
    print("completed", job_id, flush=True)


async def main(url: str, name: str, count: int) -> None:
    await upgrade(url)
    store = open_store(url)
    for number in range(count):
        await live(store, f"{name}_{number}", epoch=1)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
