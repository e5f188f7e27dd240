"""`filmgate accounts invite`, `waitlist` and `regions`."""

import asyncio
import json
from dataclasses import replace

from serve.accounts.newcomer import Opened, Place, SignUp
from serve.accounts.newcomers import open_newcomers
from serve.accounts.rules import Door, rules_of
from serve.jobs.database import opened
from serve.jobs.upgrade import upgrade
from serve.settings import Settings, load
from tests.unit.serve.commands.invoking import Filmgate

DOOR = Door(gate=True, burst=1, max_waiting=10, claim_within_s=1_000.0)
RULES = replace(rules_of(Settings.from_values({})), signup=True, door=DOOR)


filmgate, accounts = Filmgate(), Filmgate(("accounts",))
done, refused = accounts.done, accounts.refused


def acts() -> list[str]:
    """What is in the audit trail, the newest first."""
    result = filmgate("gate", "log", "--json")
    lines = json.loads(result.stdout) if result.stdout.startswith("[") else []
    return [f"{line['act']} {line['kind']} {line['name']}" for line in lines]


def sign_up(*names: str, invite: str | None = None) -> list[Opened | Place]:
    """One after another, each a second later."""

    async def run() -> list[Opened | Place]:
        await upgrade(load(None).database_url)
        async with opened(load(None).database_url) as engines:
            newcomers = open_newcomers(engines)
            return [
                await newcomers.sign_up(SignUp(name=name, invite=invite), RULES, 1_000.0 + number)
                for number, name in enumerate(names)
            ]

    return asyncio.run(run())


def test_a_code_is_made_used_and_revoked() -> None:
    assert "filmgate accounts invite create" in done("invite", "list")
    made_up = done("invite", "create").strip()
    assert len(made_up) == 16
    assert done("invite", "create", "--code", "press", "--entries", "2", "--for", "7d") == "press\n"
    [ann] = sign_up("ann", invite="press")
    assert isinstance(ann, Opened)
    [_, first, second] = done("invite", "list").splitlines()
    assert first.split()[:3] == [made_up, "1", "0"]
    assert second.split()[:3] == ["press", "2", "1"]
    assert second.rstrip().endswith("good")
    assert done("invite", "revoke", "press", "--why", "leaked") == "press is revoked\n"
    assert done("invite", "list").rstrip().endswith("revoked")
    assert "there is no press to revoke" in refused("invite", "revoke", "press")
    assert acts() == ["revoke invite press", "invite invite press", f"invite invite {made_up}"]


def test_codes_that_cannot_be() -> None:
    done("invite", "create", "--code", "press")
    assert "there is an invitation press already" in refused("invite", "create", "--code", "press")
    assert "write 1 to 64 letters" in refused("invite", "create", "--code", "für alle")
    assert "--for never: write a time" in refused("invite", "create", "--for", "never")


def test_who_waits_is_listed_and_called() -> None:
    assert done("waitlist") == "nobody waits\n"
    sign_up("in", "ann", "bob", "cid")
    lines = done("waitlist").splitlines()
    assert [line.split()[1] for line in lines[1:-1]] == ["ann", "bob", "cid"]
    assert lines[-1].startswith("3 wait; filmgate accounts waitlist call N")
    called = done("waitlist", "call", "2", "--by", "op", "--why", "friends").split()
    assert called == ["called", "ann", "bob"]
    assert done("waitlist").splitlines()[-1].startswith("1 wait;")
    assert len(done("waitlist", "--limit", "1").splitlines()) == 3
    done("waitlist", "call", "5")
    assert done("waitlist", "call", "5") == "nobody waits, closed regions aside\n"
    assert acts() == ["call waitlist cid", "call waitlist bob", "call waitlist ann"]


def test_regions_are_closed_to_sign_ups_or_altogether() -> None:
    assert done("regions", "list") == "no region is closed\n"
    said = done("regions", "close", "kr", "--why", "a law")
    assert "filmgate gate close --region kr stops requests too" in said
    assert filmgate("gate", "close", "--region", "us").exit_code == 0
    [_, both, own] = done("regions", "list").splitlines()
    assert both.startswith("us (requests too)")
    assert own.split()[0] == "kr"
    assert own.rstrip().endswith("a law")
    assert done("regions", "open", "kr") == "kr is open to sign-ups from now on\n"
    assert "kr is not closed to sign-ups" in refused("regions", "open", "kr")
    assert "filmgate gate open --region us" in refused("regions", "open", "us")
    assert "K R is no region" in refused("regions", "close", "K R")
