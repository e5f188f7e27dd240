"""The policy inside the real service, in a hurry, beside the replay of the very same jobs.

Ray Serve, HTTP, SQLite, leases and artifacts are the real ones; only the stages sleep instead of
computing. `--kill-scheduler` kills the Scheduler in the midst of the flood.
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from autoscaling.replay.arrivals import SIZES
from autoscaling.replay.engine import Record
from autoscaling.replay.measures import measure
from autoscaling.replay.runs import Study
from autoscaling.tiers import DEFAULT_TIERS
from benchmarks.rehearsal.compared import outcome_details, policy_rows, tier_rows
from benchmarks.rehearsal.compression import FACTOR, settings_values
from benchmarks.rehearsal.kill import kill_rows
from benchmarks.rehearsal.outcome import (
    Rehearsed,
    doubled,
    forgotten,
    late_paid,
    longest_answer_s,
    most_late_s,
    moved_promises,
    record_of,
    story_of,
)
from benchmarks.rehearsal.outline import true_size
from benchmarks.rehearsal.performance import Performance, perform
from benchmarks.rehearsal.workload import CROWD, NEVER_S, replayed, workload
from benchmarks.report import Row, publish
from tests.integration.service.running import REHEARSE, Service

PAID_FROM: Final = min(DEFAULT_TIERS.paid_ranks)
SEEDS: Final = (1,)
PATIENCE_S: Final = 600.0
"""For eight processes to start, most of which import torch, however busy the machine is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One seed's rehearsal, and the replay of the same jobs."""

    seed: int
    performance: Performance
    here: Record
    there: Record


def main(options: Sequence[str] = ()) -> None:
    asked = _arguments().parse_args(options)
    runs = [_run(seed, asked.factor, kill=asked.kill_scheduler) for seed in asked.seeds]
    name = "rehearsal-kill" if asked.kill_scheduler else "rehearsal"
    here, there = (_study(runs, lambda run: run.here), _study(runs, lambda run: run.there))
    rows = [
        *tier_rows(here, there),
        *policy_rows(here, there),
        *_ledger_rows([run.performance.rehearsed for run in runs]),
        *_machine_rows([run.performance for run in runs]),
        *(row for run in runs for row in kill_rows(run.performance)),
    ]
    details = {
        "scenario": CROWD.about,
        "factor": asked.factor,
        "rehearsal": outcome_details(here),
        "replay": outcome_details(there),
        "runs": [_details(run, asked.factor) for run in runs],
        "measured_at": time.strftime("%Y-%m-%d"),
    }
    publish(name, rows, details)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks rehearsal", description=__doc__)
    parser.add_argument("--factor", type=float, default=FACTOR, help="how much faster than life")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of the workloads")
    parser.add_argument("--kill-scheduler", action="store_true", help="kill -9 in the flood")
    return parser


def _run(seed: int, factor: float, *, kill: bool) -> Run:
    """A service of its own, which has learnt nothing yet."""
    with tempfile.TemporaryDirectory(prefix="filmgate-rehearsal-") as name:
        values = settings_values(Path(name) / "outline", factor)
        values["policy"]["shedding"]["rotation_s"] = NEVER_S
        sizes = {size.name: true_size(values, size, factor=factor) for size in SIZES}
        jobs = workload(seed, sizes)
        service = Service(Path(name) / "data", values, log_level="INFO", command=REHEARSE)
        try:
            service.start(PATIENCE_S)
            done = asyncio.run(perform(service, jobs, factor, kill=kill))
        finally:
            service.stop()
    return Run(seed=seed, performance=done, here=record_of(done.rehearsed), there=replayed(jobs))


def _study(runs: Sequence[Run], record: Callable[[Run], Record]) -> Study:
    """The measures of all runs, and their means."""
    return Study(
        seeds=tuple(run.seed for run in runs),
        results=tuple(measure(record(run), PAID_FROM) for run in runs),
    )


def _ledger_rows(runs: Sequence[Rehearsed]) -> Iterator[Row]:
    lost = [job_id for run in runs for job_id in forgotten(run)]
    yield Row(what="jobs without their clip", value=len(lost), unit="", note=", ".join(lost[:3]))
    yield Row(what="jobs or clips twice", value=sum(map(doubled, runs)), unit="")
    yield Row(what="promises that moved", value=sum(map(moved_promises, runs)), unit="")
    yield Row(what="requests", value=sum(len(run.answers) for run in runs), unit="")


def _machine_rows(runs: Sequence[Performance]) -> Iterator[Row]:
    """What else may have slowed the rehearsal down."""
    answers = [answer for run in runs for answer in run.rehearsed.answers]
    yield Row(what="sent late by the client, at most", value=most_late_s(answers), unit="s")
    yield Row(what="answered after, at most", value=longest_answer_s(answers), unit="s")
    load = max(sight.load for run in runs for sight in run.seen)
    yield Row(what="load of the machine, at most", value=load, unit="processes")


def _details(run: Run, factor: float) -> dict[str, Any]:
    rehearsed = run.performance.rehearsed
    told = Counter(f"{answer.status} {answer.reason}" for answer in rehearsed.answers)
    return {
        "seed": run.seed,
        "rehearsal": outcome_details(measure(run.here, PAID_FROM)),
        "replay": outcome_details(measure(run.there, PAID_FROM)),
        "paid_jobs_late": [
            {**late, "story": story_of(rehearsed, late["number"])}
            for late in late_paid(run.here.jobs, PAID_FROM)
        ],
        "paid_jobs_late_in_the_replay": late_paid(run.there.jobs, PAID_FROM),
        "answers": dict(told),
        "load": max(sight.load for sight in run.performance.seen),
        "answered_after_s": longest_answer_s(rehearsed.answers),
        "asked_again": sum(answer.tries - 1 for answer in rehearsed.answers),
        "gates": [
            {
                "at_s": round((sight.at - rehearsed.began_at) * factor),
                "aside": {
                    tier.name: round(tier.aside, 2) for tier in sight.status.tiers if tier.aside
                },
                "live": sight.live,
            }
            for sight in run.performance.seen[::20]
        ],
    }
