"""Why an attempt broke, in one word for the metrics."""

from ray.exceptions import RayActorError

from serve.artifacts.store import ArtifactError
from serve.attempts.attempt import GangSilent
from serve.messages import JobFault
from serve.replicas.faults import Fault, fault_of

WORDS = {Fault.DEVICE: "device", Fault.MEMORY: "memory"}


def reason_of(error: BaseException) -> str:
    """`silent`, `died`, `store`, `job` (its own fault), `device`, `memory` or `other`.

    A process that died takes its reason along: what it told before comes first.
    """
    if isinstance(error, GangSilent):
        return "silent"
    if isinstance(error, RayActorError):
        return "died"
    if isinstance(error, ArtifactError):
        return "store"
    if isinstance(error, JobFault):
        return "job"
    return WORDS.get(fault_of(error), "other")
