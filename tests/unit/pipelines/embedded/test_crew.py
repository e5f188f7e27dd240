"""Processes that train together hold the same weights, and each sees clips of its own."""

from pathlib import Path

import torch
from torch import nn

from pipelines.embedded.training.crew import ALONE, Crew, together


class Lesson:
    """Pull one layer towards a target that is the process's own, and write down where it got."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, crew: Crew) -> None:
        torch.manual_seed(0)
        layer = nn.Linear(2, 2, bias=False)
        nn.init.zeros_(layer.weight)
        (layer.weight - 2.0 * crew.rank).square().sum().backward()
        crew.share(layer.parameters())
        torch.save(layer.weight.grad, self.folder / f"{crew.rank}.pt")


def test_every_process_takes_the_mean_of_all_gradients(tmp_path: Path) -> None:
    together(2, Lesson(tmp_path))
    grads = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    assert torch.equal(grads[0], grads[1])
    assert torch.equal(grads[0], torch.full((2, 2), -2.0)), "of -0 and -4"


def test_alone_nothing_is_shared(tmp_path: Path) -> None:
    together(1, Lesson(tmp_path))
    assert torch.load(tmp_path / "0.pt").abs().max() == 0


def test_every_process_draws_other_clips() -> None:
    assert ALONE.seed(5, 1) == (5, 1)
    assert len({Crew(rank, 3).seed(5, 1) for rank in range(3)}) == 3
