"""`filmgate accounts`: what an operator makes, sees and changes."""

import asyncio

import pytest

from serve.accounts.account import Account
from serve.accounts.accounts import open_accounts
from serve.accounts.limits import limits_of, stated
from serve.jobs.database import opened
from serve.settings import load
from tests.unit.serve.commands.invoking import Filmgate


@pytest.fixture(autouse=True)
def limits_of_new_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_LIMITS", '{"new": {"jobs_waiting": 2, "max_seconds": 4}}')


filmgate = Filmgate(("accounts",))
done, refused = filmgate.done, filmgate.refused


def row(name: str) -> Account:
    async def read() -> Account | None:
        async with opened(load(None).database_url) as engines:
            return await open_accounts(engines).find_account(name)

    account = asyncio.run(read())
    assert account is not None
    return account


def test_an_account_is_made_and_listed() -> None:
    assert "filmgate accounts create" in done("list")
    said = done("create", "ann", "--region", "kr", "--invite", "early")
    assert "in tier new: filmgate keys create --account ann" in said
    done("create", "bob", "--tier", "pro")
    ann = row("ann")
    assert (ann.tier, ann.region, ann.invite) == ("new", "kr", "early")
    listed = done("list").splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [
        [ann.id, "ann", "new"],
        [row("bob").id, "bob", "pro"],
    ]


def test_what_is_told_of_an_account() -> None:
    done("create", "ann")
    done("override", "ann", "jobs_waiting=7", "models=filmgate-tiny")
    for name in ("ann", row("ann").id):
        lines = done("show", name).splitlines()
        told = {word: rest.strip() for word, _, rest in (line.partition(" ") for line in lines)}
        assert (told["tier"], told["jobs_waiting"]) == ("new", "7 (its own)")
        assert told["models"] == "filmgate-tiny (its own)"
        assert (told["max_seconds"], told["requests_per_minute"]) == ("4.0", "none")
        assert told["unfinished_jobs"] == "10 at most, promised ones included"
        assert told["jobs"] == "0 in progress, 0 waiting"


def test_an_account_gets_limits_of_its_own() -> None:
    done("create", "ann")
    done("override", "ann", "jobs_waiting=none", "gpu_seconds_per_day=90.5", "max_size=64x32")
    assert "2 limits of its own" in done("override", "ann", "gpu_seconds_per_day=")
    ann = row("ann")
    assert stated(ann.overrides) == {"jobs_waiting": None, "max_size": "64x32"}
    limits = limits_of(ann, load(None).limits)
    assert (limits.jobs_waiting, limits.max_seconds, limits.max_size) == (None, 4.0, "64x32")
    done("override", "ann", "--reset", "jobs_at_once=1")
    assert stated(row("ann").overrides) == {"jobs_at_once": 1}
    done("override", "ann", "--reset")
    assert limits_of(row("ann"), load(None).limits).jobs_waiting == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("jobs_wating=5", "there is no limit jobs_wating: did you mean jobs_waiting?"),
        ("colour=5", "there is no limit colour: there are requests_per_minute,"),
        ("jobs_waiting", "`jobs_waiting` states nothing: write jobs_waiting=VALUE"),
        ("jobs_waiting=0", "jobs_waiting=0: input should be greater than or equal to 1"),
        ("jobs_waiting=many", "jobs_waiting=many: input should be a valid integer"),
        ("max_size=wide", "max_size=wide: string should match pattern"),
        ("jobs_waiting=11", "may have 10 unfinished jobs (policy.tiers.new.max_outstanding)"),
        ("jobs_at_once=11", "may have 10 unfinished jobs (policy.tiers.new.max_outstanding)"),
        ("models=sora,filmgate-tiny", "there is no model sora: there is filmgate-tiny"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(change: str, says: str) -> None:
    done("create", "ann")
    assert says in refused("override", "ann", change)
    assert stated(row("ann").overrides) == {}


def test_what_is_above_the_tiers_own_number_of_jobs_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By what can be done about it; no limit at all leaves the tier's."""
    done("create", "ann")
    assert "put ann into another tier" in refused("override", "ann", "jobs_waiting=100")
    done("override", "ann", "jobs_waiting=none", "jobs_at_once=10")
    assert "10 at most, promised ones included" in done("show", "ann")
    monkeypatch.setenv("FILMGATE_POLICY__TIERS", '{"new": {"max_outstanding": 15}}')
    done("override", "ann", "jobs_waiting=15", "jobs_at_once=")
    assert "15 at most" in done("show", "ann")


def test_where_an_account_is_at_home() -> None:
    """As regions are closed: one that no command could close is none."""
    for region in ("KR", "South Korea", "k"):
        assert f"{region} is no region" in refused("create", "ann", "--region", region)
    done("create", "ann")
    assert row("ann").region is None
    assert done("set-region", "ann", "kr") == "ann is at home in kr\n"
    assert row("ann").region == "kr"
    assert "KR is no region" in refused("set-region", "ann", "KR")
    assert "there is no account nobody" in refused("set-region", "nobody", "kr")


def test_tiers_and_doors() -> None:
    done("create", "ann")
    assert done("set-tier", "ann", "team") == "ann is in tier team\n"
    done("disable", "ann")
    assert row("ann").tier == "team"
    assert row("ann").disabled_at
    assert "disabled" in done("list")
    done("enable", "ann")
    assert row("ann").disabled_at is None


def test_what_cannot_be_done_is_told() -> None:
    done("create", "ann")
    assert "there is an account `ann` already" in refused("create", "ann")
    assert "there is no tier gold: --tier new" in refused("create", "bob", "--tier", "gold")
    assert "there is no tier gold" in refused("set-tier", "ann", "gold")
    assert "must not be empty, nor begin like an id" in refused("create", "acct_1")
    assert "say which limits" in refused("override", "ann")
    for command in (["show"], ["disable"], ["enable"], ["override", "--reset"]):
        assert "there is no account nobody" in refused(*command, "nobody")
    assert "there is no account nobody" in refused("set-tier", "nobody", "pro")
