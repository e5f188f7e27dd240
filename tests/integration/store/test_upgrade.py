"""Databases of older versions are upgraded with what they hold; newer ones are refused."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError

import serve.accounts.tables  # noqa: F401  (its tables belong to the schema that is compared)
from autoscaling.gates import NO_SWITCHES
from serve.accounts.accounts import open_accounts
from serve.accounts.newcomer import Opened, SignUp
from serve.accounts.newcomers import open_newcomers
from serve.accounts.rules import rules_of
from serve.jobs.database import opened
from serve.jobs.job import Status
from serve.jobs.sql_store import open_store
from serve.jobs.store import IdempotencyClaim
from serve.jobs.tables import METADATA
from serve.jobs.upgrade import SchemaError, migrate, upgrade
from serve.settings import Settings
from serve.settings.accounts import Limits

RunSql = Callable[[str], None]
ROWS_AT_0001 = """
INSERT INTO jobs (id, account_id, tier, model, prompts, spec, status, phase, step,
    predicted_gpu_s, created_at, started_at, epoch, attempt, attempt_started_at, seen_at, crashes,
    crash_step, run_s)
VALUES ('video_old', 'local', 'pro', 'filmgate-tiny',
    '{"prompt": "a boat", "negative_prompt": ""}',
    '{"width": 64, "height": 32, "num_frames": 17, "fps": 8, "steps": 8, "guidance_scale": 3.5,
      "seed": 7, "sound": true, "has_image": false}',
    'in_progress', 'denoise', 4, 12.5, 1000.25, 1001.5, 3, 2, 1001.5, 1004.0, 0, -1, 6.0);
UPDATE counters SET value = 3 WHERE name = 'epoch';
"""


async def tables(url: str) -> set[str]:
    async with opened(url) as engines, engines.writer.begin() as connection:
        return set(await connection.run_sync(lambda c: inspect(c).get_table_names()))


async def test_a_database_of_the_first_revision_keeps_its_jobs(
    empty_url: str, run_sql: RunSql
) -> None:
    await upgrade(empty_url, "0001")
    assert await tables(empty_url) == {"alembic_version", "counters", "jobs"}
    run_sql(ROWS_AT_0001)

    await upgrade(empty_url)
    store = open_store(empty_url)
    epoch = await store.take_epoch()
    assert epoch == 4
    [adopted] = await store.adopt(epoch, 5_000.0)
    assert (adopted.id, adopted.spec.prompt, adopted.spec.seed) == ("video_old", "a boat", 7)
    assert (adopted.status, adopted.step, adopted.run_s) == (Status.QUEUED, 4, 8.5)
    claim = IdempotencyClaim(key="k", body_digest="d")
    another = replace(adopted, id="video_new")
    assert not (await store.insert(another, max_waiting=5, claim=claim)).replayed
    account = await open_accounts(store.engines).create_account("studio", "team", 5_000.0)
    assert account.tier == "team"
    await store.close()


async def test_a_database_of_the_second_revision_keeps_its_accounts(
    empty_url: str, run_sql: RunSql
) -> None:
    await upgrade(empty_url, "0002")
    run_sql(ROWS_AT_0001)
    run_sql("INSERT INTO accounts VALUES ('acct_1', 'ann', 'pro', NULL, 1000.5)")
    await upgrade(empty_url)
    store = open_store(empty_url)
    [old] = await store.fetch(["video_old"])
    assert (old.price_per_gpu_s, old.jobs_at_once, old.estimated_price) == (0.0, None, 0.0)
    [ann] = await open_accounts(store.engines).list_accounts()
    assert (ann.name, ann.overrides, ann.disabled_at, ann.invite) == ("ann", Limits(), None, None)
    assert await store.cancel("video_old", "local", 5_000.0)
    [day] = await store.usage("local", "1970-01-01")
    assert (day.jobs, day.gpu_s, day.price) == (1, 0.0, 0.0)
    await store.close()


async def test_a_database_of_the_fourth_revision_gets_switches_and_a_waitlist(
    empty_url: str, run_sql: RunSql
) -> None:
    await upgrade(empty_url, "0004")
    run_sql("INSERT INTO policy_state VALUES ('gate', '{\"at\": 1.5}', 1000.5)")
    run_sql("UPDATE counters SET value = 3 WHERE name = 'epoch'")
    await upgrade(empty_url)
    store = open_store(empty_url)
    assert await store.recall("gate") == {"at": 1.5}
    assert await store.take_epoch() == 4
    assert await store.switches(1_000.0) == NO_SWITCHES
    found = await open_newcomers(store.engines).sign_up(
        SignUp(name="ann"), rules_of(Settings.from_values({"accounts": {"signup": True}})), 1_000.0
    )
    assert isinstance(found, Opened)
    await store.close()


async def test_the_migrations_make_the_schema_that_the_code_uses(url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, METADATA))

    async with opened(url) as engines, engines.writer.begin() as connection:
        assert await connection.run_sync(differences) == []


async def test_upgrading_again_changes_nothing(url: str, run_sql: RunSql) -> None:
    run_sql("UPDATE counters SET value = 41 WHERE name = 'epoch'")
    await upgrade(url)
    store = open_store(url)
    assert await store.take_epoch() == 42
    await store.close()


async def test_a_failed_upgrade_leaves_the_old_schema_whole(
    empty_url: str, run_sql: RunSql
) -> None:
    await upgrade(empty_url, "0001")
    before = await tables(empty_url)
    run_sql("CREATE TABLE api_keys (odd TEXT)")  # the last table that revision 0002 makes
    with pytest.raises(DBAPIError):
        await upgrade(empty_url)
    assert await tables(empty_url) == before | {"api_keys"}
    run_sql("DROP TABLE api_keys")
    await upgrade(empty_url)
    assert await tables(empty_url) > before


async def test_a_newer_database_is_refused_in_one_line(url: str, run_sql: RunSql) -> None:
    run_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaError, match="newer version"):
        await upgrade(url)


async def test_a_database_in_memory_can_be_used() -> None:
    store = open_store("sqlite+aiosqlite://")
    await migrate(store.engines)
    assert await store.take_epoch() == 1
    assert await store.waiting() == []
    await store.close()


async def test_the_folder_of_a_new_database_is_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/folder/filmgate.db"
    await upgrade(url)
    assert (tmp_path / "new" / "folder" / "filmgate.db").is_file()
