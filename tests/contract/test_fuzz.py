"""What the service's own OpenAPI document allows and forbids: no 5xx, and answers as promised."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode

from serve.accounts.rules import rules_of
from serve.gateway.app import routed_app
from serve.settings import Settings
from serve.settings.sections import Http
from tests.contract.studio import Loopback, loopback

NUM_EXAMPLES = 60
"""A request. The same ones each time: hunts with other ones are for people, not for every run."""

schema = schemathesis.openapi.from_dict(routed_app().openapi())
schema.config.generation.update(modes=list(GenerationMode))
# What a model can make and which ids exist is not in the document: such requests are refused.
schema.config.checks.update(excluded_check_names=["positive_data_acceptance"])


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    rules = rules_of(Settings.from_values({}))
    anybody = replace(rules, signup=True, signups_per_minute=60_000, signups_per_address=60_000)
    http = Http(heartbeat_s=0.2, operator_key="a key for operators")
    changes = {"open_access": False, "rules": anybody, "http": http}
    with loopback(tmp_path_factory.mktemp("fuzzed"), changes) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(fuzzed: Loopback) -> str:
    account = fuzzed.run(fuzzed.studio.accounts.create_account("fuzz", "pro", 0.0))
    plain, _ = fuzzed.run(fuzzed.studio.accounts.create_key(account.id, 0.0))
    return str(plain)


def test_the_document_is_the_one_that_is_served(fuzzed: Loopback) -> None:
    assert httpx.get(f"{fuzzed.url}/openapi.json").json() == schema.raw_schema


@schema.parametrize()
@settings(
    max_examples=NUM_EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_request_is_answered_as_documented(
    fuzzed: Loopback, key: str, case: schemathesis.Case[Any]
) -> None:
    case.call_and_validate(
        base_url=fuzzed.url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=20,
    )
