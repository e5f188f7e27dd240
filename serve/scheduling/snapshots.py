"""What is known at one moment, told three ways: to Gateways, to Prometheus, to operators' pages."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from autoscaling.ordering import Waiting
from serve.attempts.attempts import Attempts
from serve.attempts.gangs import Gangs
from serve.messages import Snapshot
from serve.scheduling.account_watch import AccountWatch
from serve.scheduling.operators import Operators
from serve.scheduling.policy import Policy
from serve.scheduling.queued_rows import QueuedRows
from serve.scheduling.view import View
from serve.telemetry.metrics import package_version
from serve.watching.load_page import Picture, load_view
from serve.watching.observatory import Observatory
from serve.watching.seen import SeenReplica, seen_gpus, seen_replicas

log = logging.getLogger(__name__)
TELL_EVERY_S: Final = 0.5
"""However often snapshots are taken, metrics and pages change twice a second at most."""
REST: Final = 10
"""And so many times as long as making them took passes before the next: a thousand GPUs take some
tenths of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All who know something."""

    sights: Observatory
    gangs: Gangs
    rows: QueuedRows
    attempts: Attempts
    policy: Policy
    operators: Operators
    view: View
    accounts: AccountWatch
    warm_models: set[str]


class Snapshots:
    """Under one epoch."""

    def __init__(
        self,
        known: Known,
        epoch: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._known = known
        self._epoch = epoch
        self._monotonic = monotonic
        self._clock = clock
        self._metrics = b""
        self._page = b""
        self._tell_at = float("-inf")
        self._version = package_version()

    def take(self) -> Snapshot:
        """Everything as of now."""
        known, now, seen_at = self._known, self._clock(), self._monotonic()
        ordered = known.policy.ordered(known.rows.waiting.values(), known.attempts.runs(), now)
        snapshot = known.view.snapshot(
            epoch=self._epoch,
            gangs=known.gangs.statuses(seen_at),
            warm_models=frozenset(known.warm_models),
            metrics=b"",
            ordered=ordered,
            situation=known.policy.situation,
            recent_accounts=known.policy.recent_accounts(now),
            accounts=known.accounts.news,
        )
        if seen_at >= self._tell_at:
            try:
                self._tell(snapshot, ordered, seen_at, now)
            except Exception:  # Gateways decide by the rest, which is there
                log.exception("the metrics and the page stay as they were")
            took_s = self._monotonic() - seen_at
            self._tell_at = seen_at + max(TELL_EVERY_S, REST * took_s)
        return replace(snapshot, metrics=self._metrics, page=self._page)

    def _tell(
        self, snapshot: Snapshot, ordered: Sequence[Waiting], seen_at: float, now: float
    ) -> None:
        """Make the metrics and the page anew."""
        gangs, sights = self._known.gangs, self._known.sights
        replicas = seen_replicas(gangs.reports(seen_at), sights.stages.fresh(seen_at))
        sights.metrics.cluster.gangs(snapshot.gangs)
        self._measure(ordered, replicas, now)
        self._metrics = sights.metrics.exposition()
        picture = self._picture(snapshot, ordered, replicas, now)
        self._page = load_view(picture).model_dump_json().encode()

    def _measure(
        self, ordered: Sequence[Waiting], replicas: Sequence[SeenReplica], now: float
    ) -> None:
        known, sights, metrics = self._known, self._known.sights, self._known.sights.metrics
        shapes = {each.replica: each.shape for each in replicas if each.shape is not None}
        metrics.cluster.came_up(replicas, shapes)
        metrics.cluster.pools(sights.pools.pools, sights.pools.budget_gpus)
        metrics.gpus.show(seen_gpus(replicas))
        metrics.queue.ordered(ordered, now)
        metrics.queue.standing(
            waiting=known.rows.waiting.values(),
            deferred=known.rows.deferred.values(),
            running=list(known.attempts.jobs()),
            now=now,
        )
        sights.faults.measure(metrics.cluster)

    def _picture(
        self,
        snapshot: Snapshot,
        ordered: Sequence[Waiting],
        replicas: Sequence[SeenReplica],
        now: float,
    ) -> Picture:
        known = self._known
        return Picture(
            at=now,
            version=self._version,
            snapshot=snapshot,
            waiting=known.rows.waiting,
            deferred=known.rows.deferred,
            running=list(known.attempts.jobs()),
            ordered=ordered,
            replicas=replicas,
            gpus=seen_gpus(replicas),
            pools=known.sights.pools.pools,
            gpu_budget=known.sights.pools.budget_gpus,
            gates=known.operators.status,
            failures=known.sights.failures,
        )
