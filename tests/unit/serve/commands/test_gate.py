"""`filmgate gate`: what an operator sees and decides, and what is written down of it."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from autoscaling.gates import Switches
from serve.commands import gate as gate_commands
from serve.commands.gate_view import span
from serve.jobs.gate_status import GATE, GateStatus, TierStatus
from serve.jobs.sql_store import SqlJobStore, open_store
from serve.settings import load
from tests.unit.serve.commands.invoking import Filmgate

filmgate = Filmgate(("gate",))
done, refused = filmgate.done, filmgate.refused


def in_store(work: Callable[[SqlJobStore], Any]) -> Any:
    async def run() -> Any:
        store = open_store(load(None).database_url)
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def switches() -> Switches:
    found = in_store(lambda store: store.switches(time.time()))
    assert isinstance(found, Switches)
    return found


def row(name: str, **changes: Any) -> TierStatus:
    values: dict[str, Any] = {
        "gate": "open",
        "saturation": 0.25,
        "aside": 0.0,
        "refused": None,
        "flips": 0,
        "waiting": 0,
        "running": 0,
        "deferred": 0,
        "drain_s": 0.0,
        "promised_gpu_s": 0.0,
        "offered": 0.0,
    }
    return TierStatus(name=name, **{**values, **changes})


def scheduler_told(at: float) -> None:
    """A Scheduler wrote its status down at that time."""
    busy = {"gate": "deferring", "saturation": 1.04, "aside": 0.62, "refused": 0.08, "flips": 1}
    counts = {"running": 2, "waiting": 5, "deferred": 31, "drain_s": 150.4, "offered": 1.5}
    status = GateStatus(
        at=at,
        epoch=7,
        gpus=4.0,
        drain_s=75.0,
        promise_pressure=0.4,
        usual_s=40.0,
        stretch=1.25,
        tiers=(
            row("new", promised_gpu_s=4_000.2, **busy, **counts),
            *(row(name) for name in ("free", "plus", "pro", "team", "enterprise")),
        ),
    )

    async def remember(store: SqlJobStore) -> None:
        epoch = await store.take_epoch()
        assert await store.remember(GATE, status.to_values(), epoch, at)

    in_store(remember)


def test_before_any_scheduler_ran() -> None:
    told = done("status")
    assert "no scheduler has told of its gates yet" in told
    assert [line.split()[0] for line in told.splitlines()[2:]] == [
        *("enterprise", "team", "pro", "plus", "free", "new")
    ]
    assert json.loads(done("status", "--json"))["scheduler"] is None


def test_each_tier_has_a_line() -> None:
    done("close", "new", "--why", "a flood", "--by", "ann", "--for", "30m")
    scheduler_told(time.time())
    told = done("status")
    assert "scheduler 7: 4 GPUs, all work done in 1m15s; promises need 40 %" in told
    assert "silent" not in told
    [line] = [line for line in told.splitlines() if line.startswith("new")]
    assert line.split()[:13] == [
        *("new", "deferring", "1.04", "62", "%", "8", "%", "150", "%", "2", "5", "31", "2m30s")
    ]
    assert "closed by ann at" in line
    assert line.rstrip().endswith(": a flood")
    assert ", until " in line


def test_a_tier_says_which_tier_above_holds_it_back() -> None:
    done("open", "new", "--rate", "0.3", "--by", "bob")
    done("close", "plus", "--by", "ann")
    done("open", "pro", "--rate", "0.5", "--by", "ann")
    lines = {line.split()[0]: line for line in done("status").splitlines() if line}
    assert "  at most 30 % by bob at" in lines["new"]
    assert "; with plus: closed by ann at" in lines["new"]
    assert "  with plus: closed by ann at" in lines["free"]
    assert "  closed by ann at" in lines["plus"]
    assert "with pro" not in lines["plus"], "it lets in more"
    assert "by ann" not in lines["team"]


def test_a_silent_scheduler_is_told_of() -> None:
    done("status")
    scheduler_told(time.time() - 300)
    assert "the scheduler has been silent for 6 minutes: what follows is how it was at" in done(
        "status"
    )
    assert json.loads(done("status", "--json"))["scheduler"]["silent_for_s"] >= 300
    said = done("close", "new")
    assert "silent for 6 minutes: it holds as soon as one is back" in said


def test_how_soon_it_holds() -> None:
    assert "it holds from the moment that one starts" in done("close", "new")
    scheduler_told(time.time())
    assert "It holds within 2 s" in done("close", "free")


def test_tiers_are_closed_limited_and_opened() -> None:
    said = done("close", "plus", "--why", "GPUs are melting")
    assert said.startswith("the tier plus is closed\nSo are those below it: free, new.\n")
    assert "let in by 30 % at most" in done("open", "new", "--rate", "0.3")
    assert switches() == Switches(rates={"plus": 0.0, "new": 0.3})
    said = done("open", "new")
    assert "the tier new is as the load has it again" in said
    assert "But the tier plus still holds it back: filmgate gate open plus" in said
    done("open", "plus")
    assert switches() == Switches()


def test_models_and_regions_are_closed() -> None:
    done("close", "--model", "filmgate-tiny")
    done("drain", "--region", "kr")
    assert switches().closed_models == {"filmgate-tiny"}
    assert switches().closed_regions == {"kr"}
    told = done("status")
    assert "model filmgate-tiny  closed by" in told
    done("open", "--model", "filmgate-tiny")
    done("undrain", "--region", "kr")
    assert switches() == Switches()


def test_a_drain_leaves_other_switches_as_they_are() -> None:
    done("open", "new", "--rate", "0.5")
    done("drain", "--why", "new cables")
    assert switches() == Switches(rates={"new": 0.5}, everybody=0.0)
    assert "DRAINED: nothing new is let in; closed by" in done("status")
    assert "But the drain still holds it back: filmgate gate undrain" in done("open", "new")
    done("undrain")
    assert switches() == Switches()
    done("drain")
    done("open")
    assert switches() == Switches()


def test_what_was_decided_is_written_down() -> None:
    assert "no operator has decided anything yet" in done("log")
    done("close", "new", "--why", "a flood", "--by", "ann")
    done("open", "new", "--rate", "0.25", "--for", "2h")
    done("open", "new", "--why", "calm", "--by", "bob")
    newest, middle, first = done("log").splitlines()[1:]
    assert ("bob" in newest, "open tier new" in newest) == (True, True)
    assert newest.rstrip().endswith("calm")
    assert "rate 0.25 until" in newest
    assert "limit tier new" in middle
    assert "@" in middle, "who it was without --by: the user and the host"
    assert ("close tier new" in first, "a flood" in first) == (True, True)
    [line] = json.loads(done("log", "--json", "--limit", "1"))
    assert (line["act"], line["before"]["rate"], line["after"]) == ("open", 0.25, None)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["close", "nwe"], "there is no tier nwe: did you mean new?"),
        (["close"], "say what: new | free | plus"),
        (["close", "--model", "sora"], "there is no model sora: there is filmgate-tiny"),
        (["close", "--region", "South Korea"], "South Korea is no region"),
        (["close", "new", "--region", "kr"], "one thing at a time"),
        (["close", "new", "--for", "soon"], "--for soon: write a time such as 90s, 30m"),
        (["close", "new", "--for", "0m"], "--for 0m: write a time"),
        (["close", "new", "--by", " "], "--by names nobody"),
        (["open", "new"], "the tier new has no switch to undo"),
        (["undrain"], "the service has no switch to undo"),
        (["open", "new", "--rate", "1.5"], "--rate 1.5 is no part"),
        (["open", "new", "--rate", "0"], "more than 0 (filmgate gate close new)"),
        (["open", "--model", "filmgate-tiny", "--rate", "0.5"], "--rate is for a tier"),
        (["open", "new", "--for", "1h"], "--for goes with --rate"),
    ],
)
def test_what_cannot_be_decided(arguments: list[str], says: str) -> None:
    assert says in refused(*arguments)
    assert "no operator has decided anything yet" in done("log")


def test_a_watch_goes_on_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[float] = []

    async def rest(seconds: float) -> None:
        rounds.append(seconds)
        if len(rounds) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(gate_commands, "rest", rest)
    told = done("status", "--watch", "--json").splitlines()
    assert [json.loads(line)["scheduler"] for line in told] == [None] * 3
    assert rounds == [2.0] * 3


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "never"), (0.4, "0s"), (45.0, "45s"), (150.4, "2m30s"), (3_900.0, "1h05m")],
)
def test_spans(seconds: float | None, words: str) -> None:
    assert span(seconds) == words
