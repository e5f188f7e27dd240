"""Keys in the running service: believed while nothing is heard of them, refused once they end."""

import time
from collections.abc import Iterator

import httpx
import pytest

from serve.accounts.accounts import Accounts, open_accounts
from tests.integration.service.queue_rows import QueueRows
from tests.integration.service.running import SETTINGS, Service, until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Without the Scheduler's word a revoked key would be believed for a minute."""
    settings = {**SETTINGS, "accounts": {"remembered_s": 60.0}}
    service = Service(tmp_path_factory.mktemp("keys"), settings)
    service.start()
    yield service
    service.stop()


async def key_of(accounts: Accounts, name: str) -> tuple[str, str]:
    """A new account's key, and its id."""
    account = await accounts.create_account(name, "pro", time.time())
    plain, record = await accounts.create_key(account.id, time.time())
    return plain, record.id


def test_gateways_hear_of_a_revoked_key_and_ask_for_no_other(service: Service) -> None:
    rows = QueueRows(service)
    ended, end_id = rows.ask(lambda store: key_of(open_accounts(store.engines), "ann"))
    stays, _ = rows.ask(lambda store: key_of(open_accounts(store.engines), "bob"))

    def status(key: str) -> int:
        url = f"http://127.0.0.1:{service.port}/v1/videos"
        return httpx.get(url, headers={"authorization": f"Bearer {key}"}, timeout=30).status_code

    assert (status(ended), status(stays)) == (200, 200)
    assert rows.ask(lambda store: open_accounts(store.engines).revoke_key(end_id, time.time()))
    # Less than a minute: by itself a Gateway would ask again only then.
    until(lambda: status(ended) == 401, "the key to be refused", patience_s=50.0)
    assert status(stays) == 200
