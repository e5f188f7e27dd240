"""The policy that Ray Serve asks, several times a second, how many replicas each deployment needs.

In a Serve config, at the application: `autoscaling_policy: {policy_function:
autoscaling.serve_policy:CapacityPolicy}`. It knows Serve's shapes, and nothing of Ray is imported.
Everything it decides from comes from the Scheduler, as that deployment's own metrics; what it has
to remember from one call to the next, Serve keeps for it.
"""

import logging
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

from autoscaling.capacity import Pace, targets
from autoscaling.figures import BUDGET, Size, pools_of, rule_of

log = logging.getLogger("ray.serve")
"""Serve's own: what is said there is in the controller's log."""
PACE, TOLD_AT = "pace", "told_at"
States = dict[Hashable, dict[str, Any]]


class Context(Protocol):
    """What is used of Serve's `AutoscalingContext`."""

    deployment_name: str
    target_num_replicas: int
    capacity_adjusted_max_replicas: int
    policy_state: dict[str, Any]
    current_time: float

    @property
    def raw_metrics(self) -> Mapping[str, Mapping[Any, Sequence[Any]]] | None: ...


class CapacityPolicy:
    """Decides once on all figures that are new; else, and if that fails, nothing changes."""

    def __init__(self) -> None:
        self._failing = False

    def __call__(self, contexts: Mapping[Hashable, Context]) -> tuple[dict[Hashable, int], States]:
        """Target replicas and what to remember, by deployment. Never raises."""
        try:
            decided = decide(contexts)
        except Exception:
            if not self._failing:
                log.exception("replicas stay as they are: the capacity policy failed")
            self._failing = True
            return {}, {key: context.policy_state for key, context in contexts.items()}
        self._failing = False
        return decided


def decide(contexts: Mapping[Hashable, Context]) -> tuple[dict[Hashable, int], States]:
    """As the policy does; raises for figures that are incomplete."""
    told_at, told = newest(contexts)
    known = {context.policy_state.get(TOLD_AT) for context in contexts.values()}
    if not told or told_at in known:
        return {}, {key: context.policy_state for key, context in contexts.items()}
    by_name = {context.deployment_name: context for context in contexts.values()}
    chosen, paces = targets(
        pools_of(told, {name: _size(context) for name, context in by_name.items()}),
        {name: context.policy_state.get(PACE, Pace()) for name, context in by_name.items()},
        budget_gpus=told[BUDGET],
        now=max(context.current_time for context in contexts.values()),
        rule=rule_of(told),
    )
    states: States = {
        key: {TOLD_AT: told_at, PACE: paces.get(context.deployment_name, Pace())}
        for key, context in contexts.items()
    }
    return {
        key: chosen[context.deployment_name]
        for key, context in contexts.items()
        if context.deployment_name in chosen
    }, states


def newest(contexts: Mapping[Hashable, Context]) -> tuple[float, dict[str, float]]:
    """The last figures that any replica told, and when it did; none before the first.

    While one Scheduler takes over from another, two tell.
    """
    at, told = float("-inf"), {}
    for context in contexts.values():
        metrics = context.raw_metrics or {}
        for replica, series in metrics.get(BUDGET, {}).items():
            if series and series[-1].timestamp > at:
                at = series[-1].timestamp
                told = {
                    name: of_replicas[replica][-1].value
                    for name, of_replicas in metrics.items()
                    if of_replicas.get(replica)
                }
    return at, told


def _size(context: Context) -> Size:
    return Size(
        replicas=context.target_num_replicas,
        most=context.capacity_adjusted_max_replicas,
    )
