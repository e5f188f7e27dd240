"""The device's loop: one step after another, checkpoints when due, a halt between steps."""

import torch

from pipelines.handoff import Parcel
from serve.replicas.steps import Stepped, StepRunner


class Counting:
    """Denoising that only counts."""

    def __init__(self, steps: int, start: int = 0) -> None:
        self.step, self.steps = start, steps

    def advance(self) -> None:
        self.step += 1

    def checkpoint(self) -> Parcel:
        return Parcel("checkpoint", {"step": torch.tensor(self.step)})


def run(
    denoising: Counting, every_s: float, stop_at: int | None = None
) -> tuple[list[Stepped], bool]:
    runner = StepRunner(denoising, checkpoint_every_s=every_s)  # type: ignore[arg-type]
    seen: list[Stepped] = []

    def emit(stepped: Stepped) -> None:
        seen.append(stepped)
        if stepped.step == stop_at:
            runner.stop()

    return seen, runner.run(emit)


def test_it_goes_from_where_it_stands_to_the_last_step() -> None:
    seen, finished = run(Counting(5, start=2), every_s=1e9)
    assert [s.step for s in seen] == [3, 4, 5]
    assert finished
    assert all(s.checkpoint is None for s in seen)


def test_a_stop_takes_effect_after_the_running_step() -> None:
    denoising = Counting(5)
    seen, finished = run(denoising, every_s=1e9, stop_at=2)
    assert [s.step for s in seen] == [1, 2]
    assert not finished
    assert denoising.step == 2


def test_checkpoints_are_of_the_step_just_done_and_none_of_the_last() -> None:
    seen, _ = run(Counting(3), every_s=0.0)
    assert [s.checkpoint and int(s.checkpoint.tensors["step"]) for s in seen] == [1, 2, None]
