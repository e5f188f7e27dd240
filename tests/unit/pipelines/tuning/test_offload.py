"""The way out of a full device: what it is, and why there is none."""

import pytest
import torch

from pipelines.tuning.offload import Offload, Retreat, retreat_from

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize("mode", ["none", "model"])
def test_a_whole_denoiser_on_a_gpu_streams_its_layers(mode: Offload) -> None:
    expected = Retreat(mode="group", said="with offload: group")
    assert retreat_from(mode, GPU, num_ranks=1) == expected


@pytest.mark.parametrize(
    ("mode", "device", "num_ranks", "why"),
    [
        ("none", CPU, 1, "on a CPU there is nowhere to offload weights to"),
        ("group", GPU, 1, "offload is group already"),
        ("none", GPU, 2, "offloading is for gangs of one rank"),
        ("none", CPU, 2, "offloading is for gangs of one rank"),
    ],
)
def test_where_there_is_no_lighter_way_it_says_why(
    mode: Offload, device: torch.device, num_ranks: int, why: str
) -> None:
    found = retreat_from(mode, device, num_ranks=num_ranks)
    assert found.mode == mode
    assert found.said.startswith(f"as before: {why}")
