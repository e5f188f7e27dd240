"""What a rank asks of attention kernels: its share of the heads, and to know of other ranks."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pipelines.parallel.shape import SINGLE, GangShape
from pipelines.stages import denoiser as module
from pipelines.stages.denoiser import Denoiser, check_attention, load_denoiser
from pipelines.tuning.attention import AttentionNeeds, AttentionUnavailable
from pipelines.tuning.offload import OffloadUnavailable

HEADS = {"num_attention_heads": 8, "attention_head_dim": 16}


def denoiser(shape: GangShape | None) -> Denoiser:
    config = HEADS
    ranks: Any = shape and SimpleNamespace(shape=shape)
    family: Any = SimpleNamespace(masks=True)
    return Denoiser(
        family=family,
        pipeline=SimpleNamespace(transformer=SimpleNamespace(config=config), transformer_2=None),
        block=None,
        decoders=(),
        dtype=torch.bfloat16,
        device="cpu",
        identity={},
        ranks=ranks,
    )


@pytest.mark.parametrize(
    ("shape", "heads", "divided"),
    [
        (None, 8, False),
        (GangShape(cfg=2), 8, False),
        (GangShape(tp=2), 4, False),
        (GangShape(ulysses=2), 4, True),
        (GangShape(tp=2, cfg=2, ulysses=2), 2, True),
    ],
)
def test_each_rank_has_its_share_of_the_heads(
    shape: GangShape | None, heads: int, divided: bool
) -> None:
    needs = denoiser(shape).attention_needs()
    assert (needs.heads, needs.sequence_parallel) == (heads, divided)
    assert (needs.head_size, needs.dtype, needs.masks) == (16, torch.bfloat16, True)


def checkpoint_of(transformer: dict[str, int]) -> Any:
    return SimpleNamespace(family=SimpleNamespace(masks=True), configs={"transformer": transformer})


def test_kernels_that_are_not_there_are_refused_by_the_configs_alone() -> None:
    here: Any = {"dtype": torch.bfloat16, "device": "cpu"}
    with pytest.raises(AttentionUnavailable, match="flash needs a CUDA device"):
        check_attention("flash", checkpoint_of(HEADS), SINGLE, **here)
    for asked in ("auto", "native"):
        check_attention(asked, checkpoint_of(HEADS), SINGLE, **here)
    check_attention("flash", checkpoint_of({"num_layers": 2}), SINGLE, **here)


def test_kernels_are_tried_with_a_ranks_share_of_the_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[AttentionNeeds] = []
    monkeypatch.setattr(module, "choose_attention", lambda _, needs: tried.append(needs))
    shape = GangShape(tp=2, ulysses=2)
    check_attention("sage", checkpoint_of(HEADS), shape, dtype=torch.bfloat16, device="cpu")
    assert tried == [denoiser(shape).attention_needs()]


def test_ranks_that_share_a_model_do_not_offload_it() -> None:
    ranks: Any = SimpleNamespace(shape=GangShape(tp=2), device=torch.device("cpu"))
    checkpoint: Any = None
    with pytest.raises(OffloadUnavailable, match="offload: group is for gangs of one rank"):
        load_denoiser(checkpoint, dtype=torch.float32, device="cpu", ranks=ranks, offload="group")
