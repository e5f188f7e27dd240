"""The gate's benchmark: paired differences, what is chosen, what is judged, and fair seeds."""

from dataclasses import replace
from pathlib import Path

import pytest

from autoscaling.replay.measures import Result
from autoscaling.replay.policies import BASELINES, POLICIES, tuned_settings
from benchmarks.gating.criteria import RULES, judge
from benchmarks.gating.intervals import paired
from benchmarks.gating.outcomes import TIERS, Outcomes
from benchmarks.gating.protocol import (
    DEVELOPMENT_SEEDS,
    EVERYWHERE,
    GRIDS,
    LESS,
    OURS,
    REPORT_SEEDS,
    SCENARIOS,
    TUNING_SEEDS,
    points,
    tuned,
)
from benchmarks.gating.tables import BEGIN, END, document, put_into
from benchmarks.gating.trials import Trial, run_all, run_trial, settings_of

OVERALL = {
    "goodput_arrival": 0.7,
    "goodput_promise": 0.7,
    "waste": 0.01,
    "inversions": 0.0,
    "starved": 0.0,
    "promise_coverage": 0.9,
    "promise_p50_s": 600.0,
    "promise_max_s": 6_000.0,
}
OF_TIER = {
    "slo_arrival": 0.99,
    "slo_promise": 0.99,
    "shed": 0.0,
    "jain": 0.99,
    "gate_flips_per_hour": 1.0,
    "promise_coverage": 0.9,
    "promise_overrun_max": 1.2,
}


def result(**overall: float) -> Result:
    return Result(overall=OVERALL | overall, tiers={tier: dict(OF_TIER) for tier in TIERS})


def outcomes(**ours: float) -> Outcomes:
    """Two seeds; all policies alike but ours."""
    asked = [(name, policy) for name in SCENARIOS for policy in EVERYWHERE]
    asked += [("S4x10", policy) for policy in LESS] + [("S4light", "filmgate-no-lighter")]
    results = {each: [result(), result()] for each in asked}
    for name in SCENARIOS:
        results[name, OURS] = [result(**ours)] * 2
    return Outcomes(results=results, bounds=dict.fromkeys(SCENARIOS, (0.8, 0.9)))


def test_a_difference_is_taken_seed_by_seed() -> None:
    sure = paired([0.5, 0.7, 0.9], [0.4, 0.6, 0.8])
    assert sure.mean == pytest.approx(0.1)
    assert sure.low == pytest.approx(sure.high) == pytest.approx(0.1)
    unsure = paired([1.0, 0.0] * 10, [0.5] * 20)
    assert unsure.low < 0 < unsure.high
    assert paired([1.0, 0.0] * 10, [0.5] * 20) == unsure


def test_no_seed_is_tuned_on_or_mended_by_and_reported() -> None:
    assert not {*TUNING_SEEDS, *DEVELOPMENT_SEEDS} & set(REPORT_SEEDS)
    assert (len(TUNING_SEEDS), len(REPORT_SEEDS)) == (10, 20)


def test_the_replay_has_the_values_that_were_tuned() -> None:
    assert set(tuned()) == set(GRIDS)
    assert tuned() == tuned_settings(tuned())
    for name, chosen in tuned().items():
        assert chosen in list(points(GRIDS[name]))


def test_every_policy_is_reported() -> None:
    assert {*EVERYWHERE, *LESS, "filmgate-no-lighter"} == set(POLICIES)


@pytest.mark.parametrize("name", ["fifo", "ray-cap"])
def test_a_trial_is_the_policy_with_these_settings(name: str) -> None:
    trial = Trial(scenario="S0", policy=name, seed=1)
    stated = replace(trial, settings=settings_of(tuned_settings(BASELINES)[name]))
    assert run_trial(trial) == run_trial(stated)


def test_trials_come_back_in_order_from_two_processes() -> None:
    trials = [Trial(scenario="S0", policy="fifo", seed=seed) for seed in (1, 2)]
    counts: list[int] = []
    done = run_all(trials, counts.append)
    assert counts == [1, 2]
    assert done == {trial: run_trial(trial) for trial in trials}
    assert done[trials[0]] != done[trials[1]]


def test_what_is_asked_is_judged_by_what_was_found() -> None:
    judged = judge(outcomes(goodput_promise=0.92))
    assert len(judged) == len(RULES)
    assert all(each.met for each in judged)
    poor = judge(outcomes(goodput_promise=0.9, waste=0.06, inversions=1.0))
    unmet = [each.asked for each in poor if not each.met]
    assert [asked.split(":")[0] for asked in unmet] == [
        "goodput on the promise clock",
        "spent on late clips",
        "paid clips shed while lower ones are let in or promised",
    ]


def test_a_gate_that_is_not_met_says_why() -> None:
    seen = outcomes(goodput_promise=0.8)
    text = document(seen, judge(seen))
    assert "**not met**: it asks for 0.910 of the work; 0.900 is the most" in text
    assert text.count("| S4light |") == 1
    assert "-no-moves" not in text
    assert "| no-moves |" in text


def test_the_report_stands_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "policy.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    put_into("new", page)
    put_into("newer", page)
    assert page.read_text() == f"before\n{BEGIN}\n\nnewer\n\n{END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="has no lines"):
        put_into("new", page)
