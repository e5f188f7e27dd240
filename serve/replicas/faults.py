"""What an error of a stage means for its replica: go on, make room, or be replaced. Pure."""

from collections.abc import Iterator
from enum import Enum, auto


class Fault(Enum):
    """Kinds of errors, by what has to be done about them."""

    MEMORY = auto()  # this call needed too much; the replica is sound
    UNSOUND = auto()  # what came out is no clip; the replica is sound
    DEVICE = auto()  # the device, or the line to the other ranks, is lost to this process
    OTHER = auto()


class OutOfMemory(Exception):
    """A call needed more memory than the device has; what it held has been let go."""


class GangBroken(Exception):
    """The ranks no longer agree on what comes next, or wait for each other: a fresh gang is needed.

    Its cause is what the rank raised that began it.
    """


MEMORY_TYPES = frozenset({"OutOfMemoryError", "OutOfMemory", "MemoryError"})
MEMORY_WORDS = (
    "cuda error: out of memory",
    "cuda out of memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "can't allocate memory",
    "failed to allocate memory",
)
"""Those of allocators outside torch's own; said in a RuntimeError or AcceleratorError."""
UNSOUND_TYPES = frozenset({"UnsoundLatents"})
DEVICE_TYPES = frozenset(
    {
        "AcceleratorError",
        "ActorDiedError",
        "DistBackendError",
        "DistNetworkError",
        "DistStoreError",
        "GangBroken",
    }
)
DEVICE_WORDS = (
    "cuda error",
    "cuda driver error",
    "cublas_status",
    "cudnn_status",
    "ncclerror",
    "nccl error",
    "nccl communicator was aborted",
    "gloo/transport",
    "connection closed by peer",
)


def fault_of(error: BaseException) -> Fault:
    """By type and words along the chain of causes: the first that is clear decides.

    torch raises its own types where it knows them, and elsewhere a plain RuntimeError with the
    library's words in it.
    """
    for cause in _causes(error):
        kinds = {kind.__name__ for kind in type(cause).__mro__}
        words = str(cause).lower() if isinstance(cause, RuntimeError) else ""
        if kinds & MEMORY_TYPES or any(word in words for word in MEMORY_WORDS):
            return Fault.MEMORY
        if kinds & UNSOUND_TYPES:
            return Fault.UNSOUND
        if kinds & DEVICE_TYPES or any(word in words for word in DEVICE_WORDS):
            return Fault.DEVICE
    return Fault.OTHER


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # What Ray raises here for an error of another process has that one as `cause`.
        error = error.__cause__ or getattr(error, "cause", None)
