"""A call that ran out of memory leaves nothing behind."""

import gc
import weakref
from collections.abc import Iterator

import pytest
import torch

from serve.replicas.faults import OutOfMemory
from serve.replicas.memory import contained


@pytest.fixture
def _no_collector() -> Iterator[None]:
    """What is let go is let go at once, not when the collector comes by."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
def test_the_failed_calls_tensors_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve.replicas.memory.make_room", lambda: None)
    made: list[weakref.ref[torch.Tensor]] = []

    def inner(activations: torch.Tensor) -> None:
        more = activations + 1
        made.append(weakref.ref(more))
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB\nmore")

    def step() -> None:
        activations = torch.zeros(8)
        made.append(weakref.ref(activations))
        try:
            inner(activations)
        except torch.OutOfMemoryError as error:
            kept = error  # a cycle: frame, exception, traceback, frame
            raise RuntimeError("a block failed") from kept

    with pytest.raises(OutOfMemory, match="a block failed") as caught:
        contained(step)
    assert caught.value.__context__ is None
    assert [ref() for ref in made] == [None, None]


def test_other_errors_and_results_pass() -> None:
    assert contained(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        contained(lambda: 1 // 0)
