"""Several processes on one database: they start together, write together, and are killed."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path

from serve.jobs.job import Job, Status
from serve.jobs.sql_store import SqlJobStore, open_store

MakeJob = Callable[..., Job]
WRITER = Path(__file__).parent / "writer.py"
ROOT = Path(__file__).parents[3]


async def writer(url: str, name: str, count: int) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        str(WRITER),
        url,
        name,
        str(count),
        stdout=PIPE,
        stderr=PIPE,
        env={"PYTHONPATH": str(ROOT)},
    )


async def test_processes_that_start_together_upgrade_once(empty_url: str) -> None:
    writers = [await writer(empty_url, f"w{number}", 0) for number in range(3)]
    for process in writers:
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
    store = open_store(empty_url)
    await store.ping()
    assert await store.take_epoch() == 1
    await store.close()


async def test_processes_write_at_the_same_time(
    url: str, store: SqlJobStore, make_job: MakeJob
) -> None:
    assert await store.take_epoch() == 1
    writers = [await writer(url, name, 25) for name in ("left", "right")]
    while len(await store.fetch(["left_0", "right_0"])) < 2:
        await store.insert(make_job(), max_waiting=1_000_000)
    for process in writers:
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
    ids = [f"{name}_{number}" for name in ("left", "right") for number in range(25)]
    rows = await store.fetch(ids)
    assert len(rows) == 50
    assert {row.status for row in rows} == {Status.COMPLETED}


async def test_nothing_promised_is_lost_to_kill_9(url: str, store: SqlJobStore) -> None:
    await store.take_epoch()
    for round_number in range(3):
        process = await writer(url, f"r{round_number}", 100_000)
        assert process.stdout
        promises = [(await process.stdout.readline()).decode().split() for _ in range(30)]
        process.kill()
        rest = await process.stdout.read()
        await process.wait()
        whole_lines = rest.decode().split("\n")[:-1]
        promises += [line.split() for line in whole_lines]

        rows = {row.id: row for row in await store.fetch([job_id for _, job_id in promises])}
        for promise, job_id in promises:
            assert job_id in rows
            assert promise == "accepted" or rows[job_id].status is Status.COMPLETED
        # The dead process holds no lock: the next scheduler takes over at once.
        epoch = await store.take_epoch()
        assert len(await store.adopt(epoch, 9e9)) <= 1
        for waiting in await store.waiting():
            await store.cancel(waiting.id, waiting.account_id, 9e9)
        await run_epoch_back(store)


async def run_epoch_back(store: SqlJobStore) -> None:
    """The writer always works under epoch 1."""
    async with store.engines.writer.begin() as connection:
        await connection.exec_driver_sql("UPDATE counters SET value = 1 WHERE name = 'epoch'")
