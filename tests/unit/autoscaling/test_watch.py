"""The policy's memory from look to look."""

import json
from dataclasses import replace

import pytest

from autoscaling.gates import Switches
from autoscaling.promises import Promised
from autoscaling.rules import Rules
from autoscaling.tiers import DEFAULT_TIERS, Tiers
from autoscaling.watch import Stand, Watch
from tests.unit.autoscaling.loads import NUM_TIERS, RANKS

NOTHING = (0.0,) * NUM_TIERS


def stand(new_gpu_s: float = 0.0, promised: tuple[Promised, ...] = ()) -> Stand:
    return Stand(
        gpus=16.0,
        backlog_gpu_s=(new_gpu_s, *NOTHING[1:]),
        promised_gpu_s=NOTHING,
        promised=promised,
    )


def test_the_gate_closes_as_work_piles_up_and_opens_by_degrees() -> None:
    watch = Watch(Rules(), 0.0)
    assert watch.look(stand(), 0.0).aside == NOTHING
    parts = [watch.look(stand(14_000.0), now).aside[0] for now in (1.0, 60.0, 300.0)]
    assert parts[0] > 0  # the surge is seen at once
    assert parts == sorted(parts)
    assert parts[-1] == 1.0
    reopening = [watch.look(stand(), 300.0 + 30 * after).aside[0] for after in range(1, 10)]
    assert reopening == sorted(reopening, reverse=True)
    assert 0 < reopening[1] < 1
    assert reopening[-1] == 0.0


def test_a_flood_closes_the_door_before_any_work_piles_up() -> None:
    watch = Watch(Rules(), 0.0)
    for second in range(600):
        watch.asked(RANKS["new"], 40.0, float(second))
    sight = watch.look(stand(), 600.0)
    assert 0.5 < sight.aside[RANKS["new"]] < 0.7
    assert sight.aside[RANKS["free"]] == sight.aside[RANKS["plus"]] == 0.0


def test_paid_jobs_that_wait_too_long_close_it_too() -> None:
    watch = Watch(Rules(), 0.0)
    watch.waited(90.0, 30.0, 0.0)
    assert watch.look(stand(), 0.0).aside[RANKS["new"]] == 1.0


def test_promises_that_take_everything_close_it() -> None:
    owed = Promised(job_id="1", finish_by=100.0, gpu_s=1e5, standalone_s=40.0)
    assert Watch(Rules(), 0.0).look(stand(promised=(owed,)), 0.0).aside[:3] == (1.0, 1.0, 0.0)


def stretched_by(watch: Watch) -> float:
    return watch.look(stand(), 0.0).stretch.factor(Rules().promises)


def test_what_was_learnt_from_promises_reaches_the_next_ones() -> None:
    watch = Watch(Rules(), 0.0)
    for _ in range(30):
        watch.kept(600.0, 500.0, target_s=400.0)
    assert stretched_by(watch) == pytest.approx(1.25 + 30 * 0.018)


def test_a_promise_that_was_raised_to_the_target_teaches_nothing() -> None:
    """It took ten times what was predicted, and was kept, since nobody was in a hurry."""
    watch = Watch(Rules(), 0.0)
    for waited_s in (390.0, 450.0):
        watch.kept(waited_s, 400.0, target_s=400.0)
    assert stretched_by(watch) == Rules().promises.first_stretch


def test_clips_that_were_held_back_until_they_were_due_stretch_nothing() -> None:
    """They are there just in time, however far away that is: no reason for more."""
    watch = Watch(Rules(), 0.0)
    for _ in range(200):
        watch.kept(4_990.0, 5_000.0, target_s=400.0)
    assert stretched_by(watch) < 1.0


def test_switches_are_told_and_obeyed() -> None:
    switches = Switches(rates={"free": 0.25})
    sight = Watch(Rules(), 0.0).look(stand(), 0.0, switches)
    assert sight.aside[:3] == (0.75, 0.75, 0.0)
    assert sight.switches is switches


def test_what_was_learnt_can_be_taken_up_by_another() -> None:
    watch, successor = Watch(Rules(), 0.0), Watch(Rules(), 500.0)
    for second in range(300):
        watch.asked(RANKS["new"], 60.0, float(second))
        watch.kept(500.0, 450.0, target_s=400.0)
    watch.waited(60.0, 30.0, 290.0)
    watch.look(stand(5_000.0), 300.0)
    plain = json.loads(json.dumps(watch.plain(), allow_nan=False))
    successor.take_up(plain, 301.0)
    seen, again = watch.look(stand(), 310.0), successor.look(stand(), 310.0)
    assert again == seen
    assert successor.gates == watch.gates
    assert successor.look(stand(), 15_000.0).load.tiers[0].sustained_gpu_s_per_s == 0.0


def test_what_was_asked_of_the_only_model_is_forgotten_in_time() -> None:
    """It is kept for the day on which there is a second one: the last hours of it, no more."""
    watch, kept_s = Watch(Rules(), 0.0), Rules().meters.sustained_s
    for now in range(0, int(4 * kept_s), 600):
        watch.asked(RANKS["new"], 60.0, float(now), "only")
        watch.look(stand(), float(now))
    assert len(watch.plain()["models"]["only"]["new"]["sustained"]["seen"]) == kept_s / 600
    watch.look(stand(), 5 * kept_s)
    assert watch.plain()["models"] == {}


def test_of_another_ladder_it_takes_up_what_it_has_too() -> None:
    watch = Watch(Rules(), 0.0)
    watch.look(stand(20_000.0), 0.0)
    few = Rules(tiers=Tiers(ladder=(DEFAULT_TIERS[1], replace(DEFAULT_TIERS[3], name="gold"))))
    successor = Watch(few, 1.0)
    successor.take_up(watch.plain(), 1.0)
    assert [gate.closed for gate in successor.gates.gates] == [True, False]
