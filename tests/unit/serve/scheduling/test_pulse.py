"""Each second: a look, releases into what is left over, and what the next Scheduler will know."""

import asyncio
from typing import Any

import pytest

from autoscaling.promises import Stretch
from serve.jobs.gate_status import GATE, GateStatus
from serve.jobs.switch import Kind, Switch
from serve.messages import Answered, GangStatus
from serve.scheduling import patience
from serve.scheduling.fleet import Fleet, Fleets
from serve.scheduling.operators import Operators
from serve.scheduling.pulse import MEMORY, Pulse, PulseParts
from serve.scheduling.queued_rows import QueuedRows
from serve.watching.answers import RecentAnswers
from tests.unit.serve.attempts.scene import Scene
from tests.unit.serve.scheduling.policing import NOW, EachTakes, policy_of


def gang(devices: int = 1, model: str = "m") -> GangStatus:
    return GangStatus(
        replica="g", pid=1, model=model, shape="1", devices=devices, job_id=None, step=0
    )


async def pulse_of(scene: Scene, rows: QueuedRows | None = None) -> Pulse:
    rows = rows or QueuedRows(scene.store)
    scene.listeners.append(rows.seen)
    policy, epoch = policy_of(), await scene.store.take_epoch()
    parts = PulseParts(
        ledger=scene.store,
        rows=rows,
        policy=policy,
        costs=EachTakes(10.0),
        attempts=scene.attempts,
        fleets=Fleets(Fleet(expected=1.0, gone_after_s=60.0, now=NOW), {}),
        publish=scene._publish,
        operators=Operators(
            scene.store,
            policy=policy,
            rows=rows,
            attempts=scene.attempts,
            answers=RecentAnswers(60.0),
            epoch=epoch,
            every_s=2.0,
            standard_devices=1,
        ),
    )
    return Pulse(parts, epoch=epoch, remember_every_s=5.0)


async def test_a_deferred_job_is_released_into_room_and_told_why(scene: Scene) -> None:
    rows = QueuedRows(scene.store)
    pulse = await pulse_of(scene, rows)
    await scene.queue("later", promised_by=NOW + 9e4, predicted_wait_s=9.0)
    await scene.queue("soon", promised_by=NOW + 100.0, predicted_wait_s=9.0)
    await rows.read(whole=True, busy=lambda _: False)
    await pulse.beat([gang()], NOW)
    assert sorted(rows.waiting) == ["later", "soon"]
    for job_id, reason in (("later", "room"), ("soon", "due")):
        row = await scene.row(job_id)
        assert (row.deferred, row.released_at) == (False, NOW)
        assert [(note.what, note.reason) for note in row.history] == [("released", reason)]
    assert row.promised_by == NOW + 100.0, "it never moves"


async def test_one_that_was_cancelled_meanwhile_is_left_alone(scene: Scene) -> None:
    rows = QueuedRows(scene.store)
    pulse = await pulse_of(scene, rows)
    await scene.queue("later", promised_by=NOW + 100.0)
    await rows.read(whole=True, busy=lambda _: False)
    await scene.store.cancel("later", "a", NOW)
    await pulse.beat([gang()], NOW)
    assert (await scene.row("later")).released_at is None
    await rows.read(whole=False, busy=lambda _: False)
    assert "later" not in rows


async def test_operators_are_obeyed_and_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    pulse = await pulse_of(scene)
    await scene.store.set_switch(
        Switch(kind=Kind.TIER, name="free", rate=0.0, who="ann", why="flood", at=NOW)
    )
    sight = await pulse.beat([gang()], NOW)
    assert sight.aside[:2] == (1.0, 1.0), "those below too"
    status = GateStatus.from_values(await scene.store.recall(GATE))
    assert [tier.gate for tier in status.tiers[:3]] == ["closed", "closed", "open"]
    monkeypatch.setattr(scene.store, "switches", None)
    assert (await pulse.beat([gang()], NOW + 1.0)).aside == sight.aside, "they stay as they were"


async def test_while_the_store_hangs_the_gates_still_move(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: Any) -> None:
        await asyncio.Event().wait()

    pulse = await pulse_of(scene)
    await scene.store.set_switch(
        Switch(kind=Kind.TIER, name="free", rate=0.0, who="ann", why="flood", at=NOW)
    )
    before = await pulse.beat([gang()], NOW)
    monkeypatch.setattr(patience, "PATIENCE_S", 0.01)
    for call in ("switches", "remember", "release"):
        monkeypatch.setattr(scene.store, call, hangs)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pulse.beat([gang(4)], NOW + 2.0), 10.0)
    seen = pulse._parts.policy.situation
    assert seen is not None
    assert (seen.load.gpus, seen.aside) == (4.0, before.aside), "operators' switches as they were"


async def test_operators_are_told_as_often_as_the_settings_say(scene: Scene) -> None:
    pulse = await pulse_of(scene)
    told = []
    for passed_s in (0.0, 1.9, 2.0, 3.9, 4.0):
        await pulse.beat([gang()], NOW + passed_s)
        status = GateStatus.from_values(await scene.store.recall(GATE))
        told.append(status.at - NOW)
    assert told == [0.0, 0.0, 2.0, 2.0, 4.0]


async def test_what_was_learnt_outlives_the_process(scene: Scene) -> None:
    old = await pulse_of(scene)
    old._parts.policy._recent["a"] = NOW
    await old.beat([gang()], NOW)
    new = await pulse_of(scene)
    await new.recall(NOW + 1.0)
    assert new._parts.policy.recent_accounts(NOW + 1.0) == {"a"}
    old._parts.policy._recent.clear()
    await old.beat([gang()], NOW + 10.0)
    kept: Any = await scene.store.recall(MEMORY)
    assert kept["recent"] == {"a": NOW}, "a Scheduler that was replaced writes nothing more"


async def test_what_cannot_be_read_is_learnt_anew(scene: Scene) -> None:
    pulse = await pulse_of(scene)
    for nonsense in ({}, {"watch": {"tiers": []}}, []):
        await scene.store.remember(MEMORY, nonsense, pulse._epoch, NOW)
        await pulse.recall(NOW)
    await pulse.beat([gang()], NOW)


async def test_an_upgrade_keeps_what_the_version_before_has_learnt(scene: Scene) -> None:
    """It knew no models, kept the ratios that promises had, and one part is not as it was."""
    pulse = await pulse_of(scene)
    old = policy_of()
    pro = Answered(model="m", tier="pro", outcome="shed", reason="x", requests=1, gpu_s=900.0)
    old.answered([pro], NOW)
    plain = {**old.plain(), "costs": [["m", "denoise", 1.5, 9]], "shares": {"tags": {}}}
    plain["recent"] = {"a": NOW}
    del plain["watch"]["models"], plain["watch"]["ahead_s"]
    plain["watch"]["stretch"] = [1.2, 1.4]
    await scene.store.remember(MEMORY, plain, pulse._epoch, NOW)
    await pulse.recall(NOW + 1.0)
    sight = await pulse.beat([gang()], NOW + 1.0)
    assert sight.load.tiers[3].offered_gpu_s_per_s == 15.0
    assert sight.stretch == Stretch()
    assert pulse._parts.policy.recent_accounts(NOW + 1.0) == {"a"}
    assert pulse._parts.costs.plain() == plain["costs"]


def test_a_gang_that_is_being_replaced_still_counts() -> None:
    fleet = Fleet(expected=4.0, gone_after_s=60.0, now=0.0)
    assert fleet.gpus([], 10.0) == 4.0, "it is still starting"
    assert fleet.gpus([gang(2), gang(4)], 20.0) == 6.0
    assert fleet.gpus([gang(2)], 21.0) == 2.0, "a part that is lost is missed at once"
    assert (fleet.gpus([], 80.0), fleet.gpus([], 82.0)) == (2.0, 0.0)


def test_gangs_that_sleep_come_up_when_they_are_asked_for() -> None:
    fleet = Fleet(expected=2.0, gone_after_s=60.0, now=0.0, waking=2.0)
    assert fleet.gpus([gang(4)], 20.0) == 4.0
    assert (fleet.gpus([], 80.0), fleet.gpus([], 90.0)) == (4.0, 2.0)


def test_each_model_has_its_own_gangs_and_those_that_sleep_add_nothing_to_the_whole() -> None:
    def fleet(waking: float) -> Fleet:
        return Fleet(expected=0.0, gone_after_s=0.0, now=0.0, waking=waking)

    fleets = Fleets(fleet(3.0), {"m": fleet(1.0), "n": fleet(2.0)})
    asleep = fleets.strength([], 1.0)
    assert (asleep.gpus, asleep.by_model) == (3.0, {"m": 1.0, "n": 2.0})
    awake = fleets.strength([gang(4), gang(4)], 2.0)
    assert (awake.gpus, awake.by_model, awake.gangs) == (8.0, {"m": 8.0, "n": 2.0}, {"m": 2})


def test_after_the_clock_was_set_back_a_lost_gang_is_waited_for_no_longer() -> None:
    fleet = Fleet(expected=1.0, gone_after_s=60.0, now=0.0)
    assert fleet.gpus([gang()], 4_000.0) == 1.0
    assert fleet.gpus([], 400.0) == 1.0
    assert fleet.gpus([], 461.0) == 0.0
