"""Parts of a clip's tokens are put together again, also where they are not of one size."""

from typing import Any, cast

import pytest
import torch
import torch.distributed as dist

from pipelines.parallel.way import Way


@pytest.mark.parametrize(("tokens", "size"), [(28, 2), (27, 2), (27, 4), (30, 4), (3, 3), (2, 2)])
def test_parts_of_any_size_travel_alike_and_are_whole_again(
    tokens: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = torch.randn(2, tokens, 3, generator=torch.Generator().manual_seed(0))
    parts = whole.tensor_split(size, dim=1)
    group = cast(dist.ProcessGroup, object())
    ranks = [Way(size=size, index=index, group=group) for index in range(size)]
    sent: list[torch.Tensor] = []

    def all_gather(gathered: list[torch.Tensor], own: torch.Tensor, **_: Any) -> None:
        sent.append(own)
        for into, what in zip(gathered, sent, strict=False):
            into.copy_(what)

    monkeypatch.setattr(dist, "all_gather", all_gather)
    for rank, part in zip(ranks, parts, strict=True):
        joined = rank.join_tokens(part, tokens)
    assert len({part.shape for part in sent}) == 1, "gloo knows no others"
    assert torch.equal(joined, whole), "the last rank has heard all"


def test_an_imagined_gang_has_the_shapes_alone() -> None:
    part = torch.zeros(1, 13, 4)
    assert Way(size=2, index=1).join_tokens(part, 27).shape == (1, 27, 4)
