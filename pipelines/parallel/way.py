"""One way in which a gang is divided, as one of its ranks sees it: its place, and its talk."""

from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch.nn import functional


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The ranks that share one division: they call the same methods in the same order.

    Without a group nobody is there to talk to, and results have their shapes alone: that is for
    counting what one rank of an imagined gang does.
    """

    size: int = 1
    index: int = 0
    group: dist.ProcessGroup | None = None

    def part(self, width: int) -> slice:
        """This rank's part of `width` things, which `size` divides."""
        count = width // self.size
        return slice(self.index * count, (self.index + 1) * count)

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over the ranks, in the memory of `tensor`."""
        if self.group is not None:
            dist.all_reduce(tensor, group=self.group)
        return tensor

    def join(self, tensor: torch.Tensor) -> torch.Tensor:
        """The ranks' tensors one after another, along the last dimension."""
        return torch.cat(self._collect(tensor), dim=-1)

    def join_tokens(self, tensor: torch.Tensor, tokens: int) -> torch.Tensor:
        """[batch, tokens, channels] of all ranks, which have what `torch.tensor_split` gives them.

        They talk in parts of one size, for gloo knows no others: 27 tokens as 14 and 13 + 1.
        """
        most, longer = -(-tokens // self.size), tokens % self.size or self.size
        missing = most - tensor.shape[1]
        parts = self._collect(functional.pad(tensor, (0, 0, 0, missing)) if missing else tensor)
        return torch.cat(
            [*parts[:longer], *(part[:, : most - 1] for part in parts[longer:])], dim=1
        )

    def _collect(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        parts = [torch.empty_like(tensor) for _ in range(self.size)]
        if self.group is not None:
            dist.all_gather(parts, tensor.contiguous(), group=self.group)
        return parts

    def share(self, tensor: torch.Tensor, owner: int) -> torch.Tensor:
        """The owner's tensor, in the memory of `tensor`."""
        if self.group is not None:
            dist.broadcast(tensor, group=self.group, group_src=owner)
        return tensor
