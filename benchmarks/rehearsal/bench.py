"""The policy inside the real service, in a hurry, beside the replay of the very same jobs.

Ray Serve, HTTP, SQLite, leases and artifacts are the real ones; only the stages sleep instead of
computing. `--kill-scheduler` kills the Scheduler in the midst of the flood.
"""

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from autoscaling.replay.arrivals import SIZES
from autoscaling.replay.jobs import SimJob
from autoscaling.replay.measures import Result, measure
from autoscaling.tiers import DEFAULT_TIERS
from benchmarks.rehearsal.compared import outcome_details, policy_rows, tier_rows
from benchmarks.rehearsal.compression import FACTOR, settings_values
from benchmarks.rehearsal.kill import kill_rows
from benchmarks.rehearsal.outcome import (
    Rehearsed,
    doubled,
    forgotten,
    most_late_s,
    moved_promises,
    record_of,
)
from benchmarks.rehearsal.outline import true_size
from benchmarks.rehearsal.performance import Performance, perform
from benchmarks.rehearsal.workload import CROWD, NEVER_S, replayed, workload
from benchmarks.report import Row, publish
from tests.integration.service.running import REHEARSE, Service

PAID_FROM: Final = min(DEFAULT_TIERS.paid_ranks)
SEED: Final = 1


def main(options: Sequence[str] = ()) -> None:
    asked = _arguments().parse_args(options)
    with tempfile.TemporaryDirectory(prefix="filmgate-rehearsal-") as name:
        values = settings_values(Path(name) / "outline", asked.factor)
        values["policy"]["shedding"]["rotation_s"] = NEVER_S
        sizes = {size.name: true_size(values, size, factor=asked.factor) for size in SIZES}
        jobs = workload(asked.seed, sizes)
        service = Service(Path(name) / "data", values, log_level="INFO", command=REHEARSE)
        service.start()
        try:
            done = asyncio.run(perform(service, jobs, asked.factor, kill=asked.kill_scheduler))
        finally:
            service.stop()
    rows, details = _judged(done, jobs, asked.factor)
    name = "rehearsal-kill" if asked.kill_scheduler else "rehearsal"
    publish(name, rows, {"factor": asked.factor, "seed": asked.seed, **details})


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks rehearsal", description=__doc__)
    parser.add_argument("--factor", type=float, default=FACTOR, help="how much faster than life")
    parser.add_argument("--seed", type=int, default=SEED, help="of the workload")
    parser.add_argument("--kill-scheduler", action="store_true", help="kill -9 in the flood")
    return parser


def _judged(
    done: Performance, jobs: list[SimJob], factor: float
) -> tuple[list[Row], Mapping[str, Any]]:
    rehearsed = done.rehearsed
    here = measure(record_of(rehearsed), PAID_FROM)
    there = measure(replayed(jobs), PAID_FROM)
    rows = [
        *tier_rows(here, there),
        *policy_rows(here, there),
        *_ledger_rows(rehearsed),
        *(kill_rows(done.seen, done.killed_at) if done.killed_at else ()),
    ]
    return rows, _details(done, here, there, factor)


def _ledger_rows(rehearsed: Rehearsed) -> list[Row]:
    lost = forgotten(rehearsed)
    return [
        Row(what="jobs without their clip", value=len(lost), unit="", note=", ".join(lost[:3])),
        Row(what="jobs or clips twice", value=doubled(rehearsed), unit=""),
        Row(what="promises that moved", value=moved_promises(rehearsed), unit=""),
        Row(what="requests", value=len(rehearsed.answers), unit=""),
        Row(
            what="sent late by the client, at most",
            value=most_late_s(rehearsed.answers),
            unit="s",
        ),
    ]


def _details(done: Performance, here: Result, there: Result, factor: float) -> dict[str, Any]:
    rehearsed, began_at = done.rehearsed, done.rehearsed.began_at
    told = Counter(f"{answer.status} {answer.reason}" for answer in rehearsed.answers)
    return {
        "scenario": CROWD.about,
        "rehearsal": outcome_details(here),
        "replay": outcome_details(there),
        "answers": dict(told),
        "tries": sum(answer.tries for answer in rehearsed.answers),
        "gates": [
            {
                "at_s": round((sight.at - began_at) * factor),
                "closed": [tier for tier, shut in sight.closed.items() if shut],
                "live": sight.live,
            }
            for sight in done.seen[::10]
        ],
        "measured_at": time.strftime("%Y-%m-%d"),
    }
