"""Several processes train one model: each on its own clips, all by the mean of the gradients."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import multiprocessing, nn

Train = Callable[["Crew"], None]


@dataclass(frozen=True)
class Crew:
    """A process among `size`, which all hold the same weights; rank 0 keeps states and logs."""

    rank: int = 0
    size: int = 1

    def seed(self, seed: int, step: int) -> tuple[int, ...]:
        """Seeds of one step: every process draws other clips."""
        return (seed, step, self.rank) if self.rank else (seed, step)

    def torch_seed(self, seed: int, step: int) -> int:
        """The same for torch's global generator."""
        return seed * 1_000_003 + step + 500_000_000 * self.rank

    def share(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the crew."""
        if self.size == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        pieces = torch.split(flat.div_(self.size), [gradient.numel() for gradient in gradients])
        for gradient, piece in zip(gradients, pieces, strict=True):
            gradient.copy_(piece.view_as(gradient))


ALONE = Crew()


def _enter(rank: int, size: int, meeting: str, threads: int, train: Train) -> None:
    torch.set_num_threads(threads)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=size)
    train(Crew(rank, size))
    dist.destroy_process_group()


def together(processes: int, train: Train) -> None:
    """Run `train` in so many processes, which divide the threads; if one fails, all end."""
    if processes == 1:
        train(ALONE)
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        threads = max(1, torch.get_num_threads() // processes)
        multiprocessing.spawn(  # type: ignore[attr-defined,no-untyped-call]
            _enter, args=(processes, meeting, threads, train), nprocs=processes
        )
