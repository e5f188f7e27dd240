"""Why an attempt broke, in one word."""

import pytest
import torch
from ray.exceptions import ActorDiedError

from serve.artifacts.store import ArtifactError
from serve.attempts.attempt import GangSilent
from serve.attempts.breaks import reason_of
from serve.messages import JobFault
from serve.replicas.faults import GangBroken, OutOfMemory


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (GangSilent(), "silent"),
        (ActorDiedError(), "died"),
        (ArtifactError("the bucket does not answer"), "store"),
        (torch.AcceleratorError("CUDA error: an illegal memory access"), "device"),
        (GangBroken("a rank failed alone"), "device"),
        (OutOfMemory("tried 20 GiB"), "memory"),
        (JobFault("unsound_output", "The frames were no picture."), "job"),
        (KeyError("x"), "other"),
    ],
)
def test_each_has_its_word(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason
