"""How many replicas Ray Serve runs of each pool, and how many it should."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import ray
from ray import serve as ray_serve
from ray.serve.context import _get_global_client

from serve.pools import StagePool, pools_of, uses_gpus
from serve.settings import Settings

log = logging.getLogger(__name__)
COMING: Final = ("STARTING", "RECOVERING", "UPDATING", "PENDING_MIGRATION")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolCount:
    """One pool's replicas."""

    pool: str
    model: str
    stage: str
    shape: str | None
    wanted: int
    running: int
    starting: int
    least: int
    most: int
    at_limit: bool
    """Whether not one more can be had: by the settings, or for want of GPUs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What Serve says of a deployment: its target, and the replicas that serve or come up."""

    wanted: int
    running: int
    starting: int


class PoolCounts:
    """`ask` tells of deployments by name, and the GPUs of the cluster; it may block."""

    def __init__(
        self,
        settings: Settings,
        ask: Callable[[], tuple[Mapping[str, Told], float]],
    ) -> None:
        self._pools = pools_of(settings)
        self._ask = ask
        self._budget = settings.capacity.gpu_budget
        self._on_gpus = uses_gpus(settings)
        self.pools: tuple[PoolCount, ...] = ()
        """None before the first answer."""
        self.budget_gpus: float | None = None
        """GPUs that all replicas may have; None without a limit."""

    async def look(self) -> None:
        """Ask now."""
        told, cluster_gpus = await asyncio.to_thread(self._ask)
        self.budget_gpus = self._budget or (cluster_gpus if self._on_gpus else None)
        self.pools = tuple(counted(self._pools, told, self.budget_gpus))


def counted(
    pools: Iterable[StagePool], told: Mapping[str, Told], budget_gpus: float | None
) -> list[PoolCount]:
    """The pools that Serve knows of."""
    known = [(pool, told[pool.name]) for pool in pools if pool.name in told]
    used = sum(pool.gpus * max(each.wanted, each.running) for pool, each in known)
    left = float("inf") if budget_gpus is None else budget_gpus - used
    return [
        PoolCount(
            pool=pool.name,
            model=pool.model,
            stage=pool.stage,
            shape=pool.shape,
            wanted=each.wanted,
            running=each.running,
            starting=each.starting,
            least=pool.least,
            most=pool.most,
            at_limit=each.wanted >= pool.most or pool.gpus > left,
        )
        for pool, each in known
    ]


def ask_serve() -> tuple[Mapping[str, Told], float]:
    """Of the application that this replica belongs to; to be called off the event loop."""
    name = ray_serve.get_replica_context().app_name
    details = _get_global_client().get_serve_details()
    application = details["applications"].get(name) or {"deployments": {}}
    told = {pool: told_of(found) for pool, found in application["deployments"].items()}
    return told, float(ray.cluster_resources().get("GPU", 0.0))


def told_of(deployment: Mapping[str, Any]) -> Told:
    """A deployment as Serve describes it."""
    states = Counter(_word(replica["state"]) for replica in deployment["replicas"])
    return Told(
        wanted=int(deployment["target_num_replicas"]),
        running=states["RUNNING"],
        starting=sum(states[state] for state in COMING),
    )


def _word(state: Any) -> str:
    """Serve's own word, whether it comes as an enum or as JSON has it."""
    return str(getattr(state, "value", state))
