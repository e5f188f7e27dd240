"""What the Scheduler looks through: the metrics, and all that is seen for them alone."""

import time
from collections.abc import Coroutine
from typing import Any

from serve.artifacts.object_store import ObjectArtifacts
from serve.jobs.database import Engines
from serve.messages import StageReport, StoreErrors
from serve.rounds import steadily
from serve.settings import Settings
from serve.telemetry.metrics import Metrics
from serve.watching.answers import RecentAnswers
from serve.watching.failures import Failures
from serve.watching.pool_counts import PoolCounts, ask_serve
from serve.watching.seen import StageReplicas
from serve.watching.store_faults import open_faults


class Observatory:
    """Nothing is decided by what is here."""

    def __init__(self, settings: Settings, engines: Engines, artifacts: ObjectArtifacts) -> None:
        models = [model.name for model in settings.models]
        self.metrics = Metrics(settings.tiers, models, began_at=time.time())
        self.answers = RecentAnswers(settings.policy.saturation.smoothing_s)
        self.failures = Failures()
        self.stages = StageReplicas(timeout_s=settings.lease.timeout_s)
        self._count_s = settings.capacity.report_every_s
        self.pools = PoolCounts(settings, ask_serve)
        self.faults = open_faults(settings, engines, artifacts)

    def loops(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What has to be asked for again and again."""
        looks = {"counting replicas": self.pools.look, "looking at the disk": self.faults.look}
        return {
            what: steadily(look, every_s=self._count_s, what=what) for what, look in looks.items()
        }

    def told(self, news: StageReport | StoreErrors) -> None:
        """How an encoder or decoder does, or how often the stores have failed a Gateway."""
        if isinstance(news, StageReport):
            self.stages.report(news, time.monotonic())
            return
        self.metrics.cluster.store_errors("jobs", "gateway", news.jobs)
        self.metrics.cluster.store_errors("artifacts", "gateway", news.artifacts)
