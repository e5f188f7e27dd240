"""Calls that may need more memory than there is: they give back what they held, and say so."""

import gc
import traceback
from collections.abc import Callable
from typing import TypeVar

import torch

from serve.replicas.faults import Fault, OutOfMemory, fault_of

T = TypeVar("T")


def contained(work: Callable[[], T]) -> T:
    """The result of `work()`; raises `OutOfMemory`, with its tensors let go, if there was no room.

    An error's traceback holds the frames that it went through, and these the call's tensors: it is
    taken apart here, and what is raised instead knows nothing of it.
    """
    try:
        return work()
    except Exception as error:
        if fault_of(error) is not Fault.MEMORY:
            raise
        said = str(error).partition("\n")[0]
        traceback.clear_frames(error.__traceback__)
    make_room()
    raise OutOfMemory(said)


def make_room() -> None:
    """Give the device back what nobody holds any more; the library's blocks leave cycles."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
