"""What a request that is not let in costs: no SQL, no second count, and no second job."""

import time
from pathlib import Path
from typing import Any

import openai
import pytest

from serve.accounts.changes import read_news
from tests.contract.film_crew import OPEN
from tests.contract.gates import HALF_PAST, asking, flooded, refused
from tests.contract.statements import statements
from tests.contract.studio import eventually

NEW = OPEN.rules.tiers[0]
pytestmark = pytest.mark.filterwarnings("ignore:.*Sora API.*:DeprecationWarning")


def test_a_repeated_request_finds_its_job_while_the_gate_is_shut(tmp_path: Path) -> None:
    keyed: dict[str, Any] = {"prompt": "queue me", "extra_headers": {"Idempotency-Key": "k"}}
    with asking(tmp_path) as (gateway, client):
        made = client.videos.create(**keyed)
        gateway.studio.crew.situation = flooded(promises=False)
        again = client.videos.with_raw_response.create(**keyed)
        assert again.parse().id == made.id
        assert again.headers["idempotent-replayed"] == "true"
        assert refused(client, **{**keyed, "prompt": "other"}).code == "idempotency_key_reused"
        client.videos.delete(made.id)
        assert refused(client, **keyed).code == "promises_full", "its key is forgotten with it"


def test_a_job_that_another_gateway_stored_is_found_too(tmp_path: Path) -> None:
    keyed: dict[str, Any] = {"prompt": "queue me", "extra_headers": {"Idempotency-Key": "k"}}
    with asking(tmp_path) as (other, at_the_other):
        made = at_the_other.videos.create(**keyed)
        with asking(tmp_path) as (gateway, client):
            gateway.studio.crew.situation = flooded(promises=False)
            again = client.videos.with_raw_response.create(**keyed)
            assert again.parse().id == made.id
            assert again.headers["idempotent-replayed"] == "true"
            assert refused(client, **{**keyed, "prompt": "other"}).code == "idempotency_key_reused"
            other.run(other.studio.store.delete(made.id, "local", time.time()))
            assert refused(client, **keyed).code == "promises_full"


def test_a_flood_of_sheds_asks_the_database_nothing(tmp_path: Path) -> None:
    """Also when what was read of its account is older than what is believed without any news."""
    with asking(tmp_path, open_access=False, remembered_s=0.1) as (gateway, client):
        studio = gateway.studio
        studio.crew.accounts = gateway.run(read_news(studio.store.engines, None))
        account = gateway.run(studio.accounts.create_account("ann", "new", time.time()))
        key, _ = gateway.run(studio.accounts.create_key(account.id, time.time()))
        holder = client.with_options(api_key=key)
        studio.crew.situation = flooded(promises=False)
        refused(holder)
        studio.crew.resting = True
        eventually(lambda: not studio.crew.looking)
        began = time.monotonic()
        eventually(lambda: time.monotonic() > began + 0.1)
        with statements(studio.store.engines) as told:
            for number in range(50):
                assert refused(holder, prompt=f"a kite {number}").status_code == 429
            assert told == []
            for number in range(50):
                fresh = {"Idempotency-Key": f"key {number}"}
                assert refused(holder, extra_headers=fresh).status_code == 429
            assert len(told) <= NEW.max_outstanding, "fresh keys are not looked for without end"
            with pytest.raises(openai.NotFoundError):
                holder.videos.retrieve("video_none")
            assert told != [], "statements are counted"


def test_a_flood_with_one_known_key_asks_the_database_little(tmp_path: Path) -> None:
    keyed: dict[str, Any] = {"prompt": "queue me", "extra_headers": {"Idempotency-Key": "k"}}
    with asking(tmp_path, now=lambda: HALF_PAST) as (gateway, client):
        made = client.videos.create(**keyed)
        crew, most = gateway.studio.crew, NEW.max_outstanding
        crew.situation = flooded(promises=False)
        crew.resting = True
        eventually(lambda: not crew.looking)
        with statements(gateway.studio.store.engines) as told:
            for _ in range(most):
                assert client.videos.create(**keyed).id == made.id
            for _ in range(3 * most):
                assert refused(client, **keyed).code == "promises_full"
            assert 0 < sum("jobs.id" in each for each in told) <= most


def test_who_floods_is_answered_unread(tmp_path: Path) -> None:
    """With the same answer as before; a request that may repeat another is read all the same."""
    keyed: dict[str, Any] = {"prompt": "queue me", "extra_headers": {"Idempotency-Key": "k"}}
    with asking(tmp_path, now=lambda: HALF_PAST) as (gateway, client):
        crew = gateway.studio.crew
        made = client.videos.create(**keyed)
        crew.situation = flooded(promises=False)
        nonsense = {"extra_body": {"seconds": "many"}}
        for _ in range(NEW.max_outstanding + 1):
            assert refused(client, **nonsense).status_code == 400
            read = refused(client)
        unread = refused(client, **nonsense)
        assert (unread.code, unread.body) == (read.code, read.body)
        for header in ("retry-after", "x-should-retry"):
            assert unread.response.headers[header] == read.response.headers[header]
        assert client.videos.create(**keyed).id == made.id
        for open_to_some in (flooded(0.999, promises=False), flooded(), OPEN):
            crew.situation = open_to_some
            assert refused(client, **nonsense).status_code == 400


def test_who_is_remembered_is_refused_once_it_is_told(tmp_path: Path) -> None:
    with asking(tmp_path, open_access=False, remembered_s=60.0) as (gateway, client):
        studio, accounts = gateway.studio, gateway.studio.accounts
        studio.crew.accounts = gateway.run(read_news(studio.store.engines, None))
        account = gateway.run(accounts.create_account("ann", "pro", time.time()))
        key, record = gateway.run(accounts.create_key(account.id, time.time()))
        holder = client.with_options(api_key=key)
        holder.videos.list()
        gateway.run(accounts.revoke_key(record.id, time.time()))
        holder.videos.list()
        studio.crew.accounts = gateway.run(read_news(studio.store.engines, studio.crew.accounts))
        with pytest.raises(openai.AuthenticationError):
            holder.videos.list()


def test_demand_is_reported_once_however_often_it_comes_back(tmp_path: Path) -> None:
    with asking(tmp_path, now=lambda: HALF_PAST) as (gateway, client):
        crew = gateway.studio.crew
        crew.deaf = True
        crew.situation = flooded(promises=False)
        for _ in range(3):
            refused(client, prompt="queue one")
        refused(client, prompt="queue two")
        crew.situation = OPEN
        client.videos.create(prompt="queue one")
        client.videos.create(prompt="queue three")
        crew.deaf = False
        eventually(lambda: sum(len(report) for report in crew.reports) >= 2)
        counted = {
            each.outcome: (each.tier, each.reason, each.requests, each.gpu_s)
            for report in crew.reports
            for each in report
        }
        assert counted == {
            "shed": ("new", "promises_full", 4, 1.0),
            "admitted": ("new", "gate_open", 2, 0.5),
        }
