"""One moment, told to Gateways, to Prometheus and to operators' pages."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from serve.jobs.job import Phase, Status
from serve.scheduling.costs import Costs
from serve.scheduling.snapshots import TELL_EVERY_S, Snapshots
from serve.scheduling.view import View
from serve.settings import Settings
from serve.telemetry.catalogue import cluster, gpus, jobs
from serve.watching.observatory import Observatory
from tests.unit.serve.attempts.scene import Scene
from tests.unit.serve.scheduling.policing import NOW, job, policy_of
from tests.unit.serve.telemetry.scraping import samples
from tests.unit.serve.watching.test_seen import gang, stage, vitals

RUNNING = replace(job("run"), status=Status.IN_PROGRESS, phase=Phase.DENOISE, step=1)


class Watched:
    """Snapshots of a scene at a time that the test sets."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        settings = Settings.from_values({"data_dir": str(folder)})
        engines: Any = SimpleNamespace(faults=SimpleNamespace(count=0))
        artifacts: Any = SimpleNamespace(num_faults=0)
        self.sights = Observatory(settings, engines, artifacts)
        self.gangs = scene.gangs
        self.rows = SimpleNamespace(waiting={}, deferred={})
        self.attempts = SimpleNamespace(jobs=lambda: iter([RUNNING]), runs=list)
        self.monotonic = 100.0
        known: Any = SimpleNamespace(
            sights=self.sights,
            gangs=self.gangs,
            rows=self.rows,
            attempts=self.attempts,
            policy=policy_of(),
            operators=SimpleNamespace(status=None),
            view=View(Costs({})),
            accounts=SimpleNamespace(news=None),
            warm_models={"m"},
        )
        self.snapshots = Snapshots(
            known, 3, monotonic=lambda: self.monotonic, clock=lambda: NOW + 50.0
        )

    def told(self) -> tuple[dict[str, Any], Any]:
        taken = self.snapshots.take()
        return json.loads(taken.page), samples(taken.metrics)


@pytest.fixture
async def watched(scene: Scene, tmp_path: Path) -> Watched:
    return Watched(scene, tmp_path)


def test_all_three_tell_of_the_same_moment(watched: Watched) -> None:
    watched.gangs.report(gang("g", vitals("0"), busy=True), 100.0)
    watched.sights.stages.report(stage("d", vitals("1"), at_work=1), 100.0)
    waits = job("wait")
    watched.rows.waiting["wait"] = waits
    page, metrics = watched.told()
    assert (page["epoch"], page["totals"]["waiting"], page["totals"]["gangs_busy"]) == (3, 1, 1)
    assert [(gpu["gpu"], gpu["phase"]) for gpu in page["gpus"]] == [
        ("0", "denoise"),
        ("1", "decode"),
    ]
    ours = frozenset({("model", "m"), ("tier", "free")})
    assert metrics[jobs.WAITING.name, ours] == 1
    assert metrics[jobs.OLDEST_WAIT.name, ours] == 50.0
    busy = frozenset({("model", "m"), ("shape", "tp2"), ("state", "busy")})
    assert metrics[cluster.GANGS.name, busy] == 1
    decoding = frozenset({("node", "host"), ("gpu", "1"), ("phase", "decode")})
    assert metrics[gpus.PHASE.name, decoding] == 1


def test_metrics_and_pages_are_made_twice_a_second_at_most(watched: Watched) -> None:
    first = watched.snapshots.take()
    watched.rows.waiting["wait"] = job("wait")
    again = watched.snapshots.take()
    assert again.places.keys() == {"wait"}
    assert (again.page, again.metrics) == (first.page, first.metrics)
    watched.monotonic += TELL_EVERY_S
    assert watched.snapshots.take().page != first.page


def test_what_is_only_looked_at_keeps_nobody_from_deciding(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = watched.snapshots.take()
    monkeypatch.setattr(watched.sights.metrics, "exposition", lambda: 1 / 0)
    watched.monotonic += TELL_EVERY_S
    watched.rows.waiting["wait"] = job("wait")
    taken = watched.snapshots.take()
    assert taken.places.keys() == {"wait"}
    assert (taken.page, taken.metrics) == (first.page, first.metrics)
