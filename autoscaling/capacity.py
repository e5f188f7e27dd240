"""How many replicas each stage of each model should have, within what GPUs there are.

A pool needs what will be asked for when a new replica is ready, and a part of what has piled up:
N = ceil((forecast + backlog / drain time) / (0.85 * GPUs of a replica)). What was shed or deferred
was asked for too. It grows after half a minute and shrinks after ten, one replica a minute, and
only if one of its replicas is idle and nobody waits: Serve stops the newest one, not the idle one.

Worked numbers: 12 GPU-seconds a second forecast, 3,600 piled up, to be done in 600 s, gangs of 4:
ceil((12 + 6) / 3.4) = 6 gangs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRule:
    """Times in seconds."""

    busy: float = 0.85
    """Part of a replica's time that is counted on."""
    drain_s: float = 600.0
    """What has piled up should be done in this time."""
    up_after_s: float = 30.0
    down_after_s: float = 600.0
    down_every_s: float = 60.0
    asleep_after_s: float = 1_800.0
    """A model that may sleep loses its last replica after so long without a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One stage of one model, in one shape, as it is now. A replica of an encoder that needs no
    GPU has `gpus` 0 and costs nothing of the budget."""

    name: str
    gpus: float
    """Of one replica."""
    replicas: int
    forecast_gpu_s_per_s: float
    """Asked for in a cold start's time: let in, deferred and shed."""
    backlog_gpu_s: float
    idle_replicas: int
    waiting: int
    """Jobs that wait for this pool."""
    quiet_s: float = 0.0
    """Since the last request."""
    least: int = 1
    most: int = 1_000
    may_sleep: bool = False
    weight: float = 1.0
    """How much sooner this pool gets scarce GPUs; paid demand's share is a good one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Since when a pool has wanted more, or fewer, and when it last shrank."""

    more_since: float | None = None
    fewer_since: float | None = None
    shrank_at: float = float("-inf")


def needed(pool: Pool, rule: CapacityRule) -> int:
    """Replicas that would do, whatever the budget says."""
    asleep = pool.may_sleep and pool.quiet_s >= rule.asleep_after_s and not pool.waiting
    if asleep:
        return 0
    rate = pool.forecast_gpu_s_per_s + pool.backlog_gpu_s / rule.drain_s
    enough = ceil(rate / (rule.busy * max(pool.gpus, 1.0)) - 1e-9)
    least = max(pool.least, 1) if pool.waiting or not pool.may_sleep else pool.least
    return min(max(enough, least), pool.most)


def within(wanted: Mapping[str, int], pools: Sequence[Pool], budget_gpus: float) -> dict[str, int]:
    """The replicas that the budget allows.

    Each pool gets its least first, in the order given; then, one replica at a time, the pool that
    has the smallest part of what it wants by its weight. Nothing is taken from a pool that has
    more than that: shrinking has a pace of its own.
    """
    given = {pool.name: 0 for pool in pools}
    left = budget_gpus
    for pool in pools:
        first = min(pool.least, wanted[pool.name])
        fits = first if pool.gpus == 0 else min(first, int(left / pool.gpus + 1e-9))
        given[pool.name] = fits
        left -= fits * pool.gpus
    while True:
        short = [
            pool
            for pool in pools
            if given[pool.name] < wanted[pool.name] and pool.gpus <= left + 1e-9
        ]
        if not short:
            return given
        next_ = min(short, key=lambda p: (given[p.name] / (wanted[p.name] * p.weight), p.name))
        given[next_.name] += 1
        left -= next_.gpus


def paced(pool: Pool, wanted: int, pace: Pace, now: float, rule: CapacityRule) -> tuple[int, Pace]:
    """The target to set now, and the pool's new pace: fast up, slow down, never under work."""
    if wanted > pool.replicas:
        since = now if pace.more_since is None else pace.more_since
        moved = replace(pace, more_since=since, fewer_since=None)
        if now - since < rule.up_after_s and pool.replicas > 0:
            return pool.replicas, moved
        return wanted, replace(moved, more_since=None)
    if wanted == pool.replicas:
        return wanted, replace(pace, more_since=None, fewer_since=None)
    since = now if pace.fewer_since is None else pace.fewer_since
    moved = replace(pace, more_since=None, fewer_since=since)
    due = now - since >= rule.down_after_s and now - pace.shrank_at >= rule.down_every_s
    if not due or not pool.idle_replicas or pool.waiting:
        return pool.replicas, moved
    return pool.replicas - 1, replace(moved, shrank_at=now)


def targets(
    pools: Sequence[Pool],
    paces: Mapping[str, Pace],
    *,
    budget_gpus: float,
    now: float,
    rule: CapacityRule,
) -> tuple[dict[str, int], dict[str, Pace]]:
    """The replicas each pool should have now, and the paces to hand in next time.

    GPUs of replicas that are not idle yet are not given to others, so the sum of all targets stays
    within the budget, unless more than that runs already.
    """
    wanted = {pool.name: needed(pool, rule) for pool in pools}
    allowed = within(wanted, pools, budget_gpus)
    chosen: dict[str, int] = {}
    after: dict[str, Pace] = {}
    for pool in pools:
        pace = paces.get(pool.name, Pace())
        chosen[pool.name], after[pool.name] = paced(pool, allowed[pool.name], pace, now, rule)
    _cut(pools, chosen, budget_gpus)
    return chosen, after


def _cut(pools: Sequence[Pool], chosen: dict[str, int], budget_gpus: float) -> None:
    """Growth waits for GPUs that another pool still holds; the last pools wait first."""
    over = sum(chosen[pool.name] * pool.gpus for pool in pools) - budget_gpus
    for pool in reversed(pools):
        while over > 1e-9 and pool.gpus > 0 and chosen[pool.name] > pool.replicas:
            chosen[pool.name] -= 1
            over -= pool.gpus
