"""One rank's membership in its gang: the process group, and the ways in which it is divided."""

import datetime as dt
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from pipelines.parallel.shape import GangShape
from pipelines.parallel.way import Way

WAYS = ("cfg", "ulysses", "tp")
"""Outermost first: the ranks that talk most are neighbours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankGroup:
    """A joined gang. Its ranks run the same calls on the same job, each on its own device."""

    shape: GangShape
    rank: int
    device: torch.device
    mesh: DeviceMesh

    @classmethod
    def join(
        cls,
        shape: GangShape,
        rank: int,
        *,
        address: str,
        port: int,
        device: torch.device,
        timeout_s: float,
    ) -> "RankGroup":
        """Meet the other ranks at rank 0's address; a process is in one gang at a time.

        Whoever waits longer than `timeout_s` for another rank, here or within a step, gets an
        error (on a GPU the process is ended instead: a stream cannot be given up).
        """
        if device.type == "cuda":
            # With its number: collectives of a device without one go to the first device.
            index = torch.cuda.current_device() if device.index is None else device.index
            device = torch.device("cuda", index)
            torch.cuda.set_device(device)
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            init_method=f"tcp://{address}:{port}",
            rank=rank,
            world_size=shape.world,
            timeout=dt.timedelta(seconds=timeout_s),
            device_id=device if device.type == "cuda" else None,
        )
        sizes = tuple(getattr(shape, way) for way in WAYS)
        mesh = init_device_mesh(device.type, sizes, mesh_dim_names=WAYS)
        return cls(shape=shape, rank=rank, device=device, mesh=mesh)

    def way(self, name: str) -> Way:
        """`tp`, `cfg` or `ulysses`: the ranks that differ from this one in that alone."""
        size = getattr(self.shape, name)
        if size == 1:
            return Way()
        group = self.mesh.get_group(name)
        return Way(size=size, index=dist.get_rank(group), group=group)

    def leave(self) -> None:
        """End the process group; the model that was loaded for it is of no more use."""
        if dist.is_initialized():
            dist.destroy_process_group()
