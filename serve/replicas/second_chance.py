"""What may be tried once more within an attempt, and what the job fails with after that."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pipelines.spec import ClipSpec
from serve.messages import JobFault
from serve.replicas.faults import Fault, GangBroken, fault_of

T = TypeVar("T")


class SecondChances:
    """One for each kind of trouble that may be chance: no room on the device, unusable latents.

    `lighter` says, for people, how the second try is to need less room.
    """

    def __init__(self, spec: ClipSpec, lighter: str = "") -> None:
        self._spec = spec
        self._how = f" ({lighter})" if lighter else ""
        self._taken: set[Fault] = set()

    def take(self, error: Exception) -> Fault:
        """The trouble, if it may be tried again; else raises `JobFault`, or `error` itself.

        A broken gang tries nothing again; that one of its ranks had no room is the job's fault.
        """
        if isinstance(error, GangBroken) and _of_memory(error.__cause__):
            raise self._verdict(Fault.MEMORY) from error
        fault = fault_of(error)
        if fault not in (Fault.MEMORY, Fault.UNSOUND):
            raise error
        if fault in self._taken:
            raise self._verdict(fault) from None
        self._taken.add(fault)
        return fault

    def _verdict(self, fault: Fault) -> JobFault:
        spec = self._spec
        if fault is Fault.MEMORY:
            again = f", also at the second try{self._how}" if fault in self._taken else ""
            return JobFault(
                "out_of_memory",
                f"A clip of {spec.width}x{spec.height} with {spec.num_frames} frames needs more "
                f"memory than there is{again}. Ask for a smaller size or fewer frames.",
            )
        return JobFault(
            "unsound_output",
            f"The model made no usable picture from the seed {spec.seed}, also at the second try. "
            "Try another seed, or a lower guidance_scale.",
        )


def _of_memory(cause: BaseException | None) -> bool:
    return cause is not None and fault_of(cause) is Fault.MEMORY


async def with_second_chance(
    spec: ClipSpec, work: Callable[[Fault | None], Awaitable[T]], lighter: str = ""
) -> T:
    """The result of `work`, which is done again, and told of the fault, where that may help."""
    chances, fault = SecondChances(spec, lighter), None
    while True:
        try:
            return await work(fault)
        except Exception as error:
            fault = chances.take(error)
