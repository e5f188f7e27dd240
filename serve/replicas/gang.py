"""A gang: the ranks that hold one denoiser together, and take every step of a job as one.

The replica is rank 0. The others are Ray actors in its placement group, on the same host, and end
with it. One process group joins them all.
"""

import asyncio
import functools
import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

import ray
from ray.util import get_current_placement_group, get_node_ip_address
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from pipelines.handoff import Parcel
from pipelines.parallel.group import RankGroup
from pipelines.parallel.shape import GangShape
from pipelines.spec import ClipSpec
from pipelines.tuning.offload import Offload
from serve.messages import DenoiseOrder
from serve.replicas.device_thread import DeviceThread
from serve.replicas.faults import Fault, GangBroken, fault_of
from serve.replicas.gang_watch import GangWatch, end_gang
from serve.replicas.rank import Rank, RankActor, load_rank
from serve.replicas.replica import StageReplica
from serve.replicas.vital_signs import own_gpus
from serve.settings.replicas import Replicas

log = logging.getLogger(__name__)
GROUP_TIMEOUT_S = 1800.0
"""After this long the process group itself gives up on a rank; the watch is much quicker."""
TELLING_FIRST = (Fault.MEMORY, Fault.UNSOUND, Fault.DEVICE, Fault.OTHER)


class Gang:
    """All methods but `watching`, `gpus` and `end` are for the device's thread."""

    def __init__(self, rank: Rank, watch: GangWatch, others: Sequence[Any] = ()) -> None:
        self._rank = rank
        self._watch = watch
        self._others = others

    async def watching(self) -> None:
        """Runs for as long as the gang does."""
        await self._watch.run()

    async def gpus(self) -> list[str]:
        """Those of all ranks, as Ray names them; rank 0 reads them all, being on the same host."""
        others = await asyncio.gather(*(other.gpus.remote() for other in self._others))
        return [*own_gpus(), *(gpu for held in others for gpu in held)]

    def end(self) -> None:
        """End the processes of all ranks."""
        self._watch.end()

    def use_attention(self, asked: str) -> str:
        """The kernels that rank 0 chose, by the library's name; all ranks run with the same."""
        with self._watch.over([]):
            kernel = self._rank.use_attention(asked)
        self.tell("take_attention", kernel)
        return kernel

    def use_offload(self, mode: Offload) -> None:
        """Have all ranks keep their weights this way."""
        self.tell("use_offload", mode)

    def begin(self, order: DenoiseOrder, spec: ClipSpec, conditioning: bytes) -> "GangJob":
        """A job at step 0."""
        return GangJob(self, order, *self.tell("begin", order, spec, conditioning))

    def resume(self, order: DenoiseOrder, spec: ClipSpec, checkpoint: bytes) -> "GangJob":
        """A job at the step its checkpoint was taken; raises as the stage does."""
        return GangJob(self, order, *self.tell("resume", order, spec, checkpoint))

    def drop(self) -> None:
        """Let the job go on all ranks."""
        self.tell("drop")

    def checkpoint(self, order: DenoiseOrder) -> Parcel:
        """Rank 0's: every rank has the full latents."""
        with self._watch.over([]):  # a GPU that hangs is waited for here, not in the step
            return self._rank.held(order).checkpoint()

    def latents(self, order: DenoiseOrder) -> Parcel:
        """Rank 0's, as well."""
        with self._watch.over([]):
            return self._rank.held(order).latents()

    def tell(self, method: str, *args: Any) -> Any:
        """Have all ranks do the same, at the same time; rank 0's answer, or what one raised.

        Raises `GangBroken` when that leaves them apart: not all came back, or a step broke off. On
        a GPU what was begun then is still queued, and would meet the next step's.
        """
        mine = functools.partial(getattr(self._rank, method), *args)
        if not self._others:
            with self._watch.over([]):
                return mine()
        # Packed tensors are put in the object store once, for all ranks.
        sent = [ray.put(arg) if isinstance(arg, bytes) else arg for arg in args]
        calls = [other.tell.remote(method, *sent) for other in self._others]
        with self._watch.over(calls):
            answers = self._answers(mine, calls)
        errors = [answer for answer in answers if isinstance(answer, Exception)]
        if not errors:
            return answers[0]
        worst = min(errors, key=lambda error: TELLING_FIRST.index(fault_of(error)))
        broken_off = method == "advance" and fault_of(worst) is not Fault.UNSOUND
        if broken_off or len(answers) <= len(calls):
            raise GangBroken(
                f"{method} failed on {len(errors)} of {1 + len(calls)} ranks "
                f"({type(worst).__name__})"
            ) from worst
        raise worst

    def _answers(self, mine: Callable[[], Any], calls: list[Any]) -> list[Any]:
        """What all returned or raised, rank 0 first; if it raised, of those that came back soon."""
        answer = _outcome(mine)
        if isinstance(answer, Exception):
            # The others may wait for what rank 0 will not do any more, some devices for ever.
            calls, _ = ray.wait(calls, num_returns=len(calls), timeout=self._watch.patience_s)
        return [answer, *(_outcome(functools.partial(ray.get, call)) for call in calls)]


class GangJob:
    """A job under way on all ranks; what the runner of steps takes it by."""

    def __init__(self, gang: Gang, order: DenoiseOrder, step: int, steps: int) -> None:
        self._gang = gang
        self._order = order
        self.step = step
        self.steps = steps

    def advance(self) -> None:
        """One step, on all ranks."""
        self.step = self._gang.tell("advance", self._order, self.step)

    def checkpoint(self) -> Parcel:
        return self._gang.checkpoint(self._order)

    def latents(self) -> Parcel:
        return self._gang.latents(self._order)


async def start_gang(
    device: DeviceThread, here: StageReplica, values: dict[str, Any], shape: GangShape
) -> Gang:
    """Rank 0 in this process, the others in this replica's placement group; all have loaded."""
    watch_of = functools.partial(GangWatch, care=here.settings.gang, abandon=device.abandon)
    if shape.world == 1:
        alone = watch_of((), give_up=functools.partial(end_gang, ()))
        return Gang(await device.call(lambda: load_rank(here, None)), alone)
    others = [_start_rank(rank, here.model.denoiser) for rank in range(1, shape.world)]
    pids = await _started(others, within_s=here.settings.gang.step_timeout_s)
    watch = watch_of(others, give_up=functools.partial(end_gang, pids))
    address = get_node_ip_address()
    meeting = {"address": address, "port": _free_port(address), "timeout_s": GROUP_TIMEOUT_S}

    def load() -> Rank:
        return load_rank(here, RankGroup.join(shape, 0, device=here.device, **meeting))

    loads = [
        other.load.remote(values, here.model.name, shape, rank, **meeting)
        for rank, other in enumerate(others, 1)
    ]
    rank, *_ = await watch.beside(asyncio.gather(device.call(load), *loads))
    log.info("gang of shape %s: processes %s", shape, [os.getpid(), *pids])
    return Gang(rank, watch, others)


def _start_rank(rank: int, resources: Replicas) -> Any:
    group = PlacementGroupSchedulingStrategy(
        placement_group=get_current_placement_group(), placement_group_bundle_index=rank
    )
    return (
        ray.remote(RankActor)
        .options(
            num_cpus=resources.num_cpus,
            num_gpus=resources.num_gpus,
            max_restarts=0,
            scheduling_strategy=group,
        )
        .remote()
    )


async def _started(others: Sequence[Any], *, within_s: float) -> list[int]:
    """Their processes, which can be ended from here on."""
    try:
        async with asyncio.timeout(within_s):
            return [int(pid) for pid in await asyncio.gather(*(o.pid.remote() for o in others))]
    except TimeoutError:
        raise TimeoutError(
            f"the other ranks' processes have not started within {within_s:g} s "
            "(gang.step_timeout_s)"
        ) from None


def _free_port(address: str) -> int:
    """For rank 0 to listen on. Taken by another meanwhile, the start fails and is repeated."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def _outcome(work: Callable[[], Any]) -> Any:
    """What it returned or raised: all ranks are heard before one of them decides."""
    try:
        return work()
    except Exception as error:
        return error
