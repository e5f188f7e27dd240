"""A rank takes the step it is asked for, and no other."""

from dataclasses import replace

import pytest
import torch

from pipelines.handoff import Parcel
from pipelines.spec import ClipSpec
from serve.messages import DenoiseOrder
from serve.replicas.faults import OutOfMemory
from serve.replicas.rank import OutOfStep, Rank
from tests.unit.serve.attempts.scene import SPEC
from tests.unit.serve.deployments.replica import AnyKernels

ORDER = DenoiseOrder(job_id="j", epoch=1, attempt=1)
CONDITIONING = Parcel("conditioning", {"x": torch.zeros(1)}).pack()
CHECKPOINT = Parcel("checkpoint", {"x": torch.zeros(1)}, {"step": 2}).pack()


class Stage(AnyKernels):
    """Jobs of three steps; a step fails with `error` if there is one."""

    error: Exception | None = None

    def doing(self) -> None:
        """A job is at work."""

    def begin(self, _: ClipSpec, __: Parcel) -> "Job":
        return Job(self, 0)

    def resume(self, _: ClipSpec, checkpoint: Parcel) -> "Job":
        return Job(self, checkpoint.values["step"])


class Job:
    steps = 3

    def __init__(self, stage: Stage, step: int) -> None:
        self.stage, self.step = stage, step

    def advance(self) -> None:
        self.stage.doing()
        if self.stage.error:
            raise self.stage.error
        self.step += 1

    def checkpoint(self) -> Parcel:
        self.stage.doing()
        return Parcel("checkpoint", {})

    def latents(self) -> Parcel:
        self.stage.doing()
        return Parcel("latents", {})


def test_it_begins_resumes_and_counts() -> None:
    rank = Rank(Stage())
    assert rank.begin(ORDER, SPEC, CONDITIONING) == (0, 3)
    assert rank.advance(ORDER, 0) == 1
    assert rank.resume(ORDER, SPEC, CHECKPOINT) == (2, 3)
    assert rank.advance(ORDER, 2) == 3


@pytest.mark.parametrize(
    ("order", "step", "words"),
    [
        (ORDER, 0, "from step 0 of j, attempt 1, but this rank is at step 1"),
        (ORDER, 2, "is at step 1"),
        (replace(ORDER, attempt=2), 1, "asked for j, attempt 2, but this rank holds j, attempt 1"),
        (replace(ORDER, job_id="k"), 1, "asked for k"),
        (replace(ORDER, epoch=2), 1, "asked for j"),
    ],
)
def test_another_job_attempt_or_step_is_refused(order: DenoiseOrder, step: int, words: str) -> None:
    rank = Rank(Stage())
    rank.begin(ORDER, SPEC, CONDITIONING)
    rank.advance(ORDER, 0)
    with pytest.raises(OutOfStep, match=words):
        rank.advance(order, step)


def test_a_rank_that_dropped_its_job_goes_no_further() -> None:
    rank = Rank(Stage())
    rank.begin(ORDER, SPEC, CONDITIONING)
    rank.drop()
    with pytest.raises(OutOfStep, match="this rank holds none"):
        rank.advance(ORDER, 0)


def test_a_rank_that_moves_its_weights_has_let_its_job_go() -> None:
    stage = Stage()
    rank = Rank(stage)
    rank.begin(ORDER, SPEC, CONDITIONING)
    rank.use_offload("group")
    assert stage.offload == "group"
    with pytest.raises(OutOfStep, match="this rank holds none"):
        rank.advance(ORDER, 0)


def test_no_room_for_a_step_is_said_in_words_that_travel() -> None:
    stage = Stage()
    rank = Rank(stage)
    rank.begin(ORDER, SPEC, CONDITIONING)
    stage.error = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
    with pytest.raises(OutOfMemory, match="9 GiB"):
        rank.advance(ORDER, 0)
