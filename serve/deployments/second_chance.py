"""What may be tried once more within an attempt, and what the job fails with after that."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from pipelines.spec import ClipSpec
from serve.deployments.faults import Fault, fault_of
from serve.messages import JobFault

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
        """The trouble, if it may be tried again; else raises `JobFault`, or `error` itself."""
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
            return JobFault(
                "out_of_memory",
                f"A clip of {spec.width}x{spec.height} with {spec.num_frames} frames needs more "
                f"memory than there is, also at the second try{self._how}. Ask for a smaller size "
                "or fewer frames.",
            )
        return JobFault(
            "unsound_output",
            f"The model made no usable picture from the seed {spec.seed}, also at the second try. "
            "Try another seed, or a lower guidance_scale.",
        )


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
