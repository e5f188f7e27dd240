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
from serve.scheduling.own_limits import held_back
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Jobs that wait, the next one first; those `held` wait for others of their own account."""

    able: list[Waiting]
    held: list[Waiting]

    @property
    def all(self) -> list[Waiting]:
        return [*self.able, *self.held]


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
        queue = self._queue(now)
        snapshot = known.view.snapshot(
            epoch=self._epoch,
            gangs=known.gangs.statuses(seen_at),
            warm_models=frozenset(known.warm_models),
            metrics=b"",
            ordered=queue.all,
            situation=known.policy.situation,
            recent_accounts=known.policy.recent_accounts(now),
            accounts=known.accounts.news,
        )
        if seen_at >= self._tell_at:
            try:
                self._tell(snapshot, queue, seen_at, now)
            except Exception:  # Gateways decide by the rest, which is there
                log.exception("the metrics and the page stay as they were")
            took_s = self._monotonic() - seen_at
            self._tell_at = seen_at + max(TELL_EVERY_S, REST * took_s)
        return replace(snapshot, metrics=self._metrics, page=self._page)

    def _queue(self, now: float) -> Queue:
        known, jobs = self._known, self._known.rows.waiting
        ordered = known.policy.ordered(jobs.values(), known.attempts.runs(), now)
        held = held_back((jobs[each.job_id] for each in ordered), known.attempts.jobs())
        return Queue(
            able=[each for each in ordered if each.job_id not in held],
            held=[each for each in ordered if each.job_id in held],
        )

    def _tell(self, snapshot: Snapshot, queue: Queue, seen_at: float, now: float) -> None:
        """Make the metrics and the page anew."""
        gangs, sights = self._known.gangs, self._known.sights
        replicas = seen_replicas(gangs.reports(seen_at), sights.stages.fresh(seen_at))
        sights.metrics.cluster.gangs(snapshot.gangs)
        self._measure(queue, replicas, now)
        self._metrics = sights.metrics.exposition()
        picture = self._picture(snapshot, queue.all, replicas, now)
        self._page = load_view(picture).model_dump_json().encode()

    def _measure(self, queue: Queue, replicas: Sequence[SeenReplica], now: float) -> None:
        known, jobs = self._known, self._known.rows.waiting
        sights, metrics = known.sights, known.sights.metrics
        shapes = {each.replica: each.shape for each in replicas if each.shape is not None}
        metrics.cluster.came_up(replicas, shapes)
        metrics.cluster.pools(sights.pools.pools, sights.pools.budget_gpus)
        metrics.gpus.show(seen_gpus(replicas))
        metrics.queue.ordered(queue.able, now)
        metrics.queue.standing(
            waiting=[jobs[each.job_id] for each in queue.able],
            held_back=[jobs[each.job_id] for each in queue.held],
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
