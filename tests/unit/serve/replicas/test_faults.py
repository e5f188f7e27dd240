"""What an error means for its replica."""

import pytest
import torch
from ray.exceptions import ActorDiedError, RayTaskError

from serve.replicas.faults import Fault, OutOfMemory, fault_of

DistBackendError = type("DistBackendError", (RuntimeError,), {})
UnsoundLatents = type("UnsoundLatents", (ValueError,), {})


def caused(error: Exception, by: Exception) -> Exception:
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"), Fault.MEMORY),
        (MemoryError(), Fault.MEMORY),
        (OutOfMemory("said by another rank"), Fault.MEMORY),
        (
            RuntimeError(
                "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate "
                "memory: you tried to allocate 4000000000000 bytes."
            ),
            Fault.MEMORY,
        ),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"), Fault.MEMORY),
        (torch.AcceleratorError("CUDA error: out of memory"), Fault.MEMORY),
        (torch.AcceleratorError("CUDA error: an illegal memory access"), Fault.DEVICE),
        (RuntimeError("CUDA error: device-side assert triggered"), Fault.DEVICE),
        (DistBackendError("NCCL error in: ... ncclUnhandledCudaError"), Fault.DEVICE),
        (RuntimeError("NCCL communicator was aborted on rank 1."), Fault.DEVICE),
        (
            RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection "),
            Fault.DEVICE,
        ),
        (ActorDiedError(), Fault.DEVICE),
        (UnsoundLatents("not a number"), Fault.UNSOUND),
        (RuntimeError("shape mismatch"), Fault.OTHER),
        (ValueError("a prompt that says CUDA error"), Fault.OTHER),
        (caused(ValueError("a block failed"), torch.OutOfMemoryError("x")), Fault.MEMORY),
        (RayTaskError("tell", "", OutOfMemory("x")).as_instanceof_cause(), Fault.MEMORY),
        (RayTaskError("tell", "", RuntimeError("ncclError")).as_instanceof_cause(), Fault.DEVICE),
        (RayTaskError("tell", "", ValueError("x")).as_instanceof_cause(), Fault.OTHER),
    ],
)
def test_each_error_has_its_meaning(error: Exception, fault: Fault) -> None:
    assert fault_of(error) is fault


def test_torchs_own_errors_are_known() -> None:
    """Of the allocator, as it really fails on a CPU."""
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert fault_of(caught.value) is Fault.MEMORY
