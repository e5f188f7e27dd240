"""Joining a gang and leaving it: alone, twice, and with a rank that never comes."""

import pytest
import torch
import torch.distributed as dist

from pipelines.parallel.group import RankGroup
from pipelines.parallel.shape import SINGLE, GangShape
from tests.integration.pipelines.gang_ranks import free_port


def join(shape: GangShape, timeout_s: float = 60.0) -> RankGroup:
    return RankGroup.join(
        shape,
        0,
        address="127.0.0.1",
        port=free_port(),
        device=torch.device("cpu"),
        timeout_s=timeout_s,
    )


def test_a_process_may_join_again_once_it_left() -> None:
    for _ in range(2):
        ranks = join(SINGLE)
        assert dist.get_world_size() == 1
        assert ranks.way("tp").size == 1
        ranks.leave()
        assert not dist.is_initialized()
    ranks.leave()


def test_a_rank_that_never_comes_is_waited_for_no_longer_than_stated() -> None:
    with pytest.raises(dist.DistError, match=r"1/2 clients joined|timed out"):
        join(GangShape(tp=2), timeout_s=1.0)
    assert not dist.is_initialized()
