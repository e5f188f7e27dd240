"""Tiny random checkpoints of every kind of model, written in the real diffusers format."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import torch

from tests.checkpoints.hunyuan import (
    build_hunyuan_i2v,
    build_hunyuan_meanflow,
    build_hunyuan_t2v,
)
from tests.checkpoints.ltx2 import build_ltx2, build_ltx2_gated
from tests.checkpoints.wan import (
    build_wan21_i2v,
    build_wan21_t2v,
    build_wan22_5b,
    build_wan22_i2v,
    build_wan22_t2v,
)

BUILDERS: Mapping[str, Callable[[Path], None]] = MappingProxyType(
    {
        "ltx2": build_ltx2,
        "ltx2-gated": build_ltx2_gated,
        "hunyuan-1.5-t2v": build_hunyuan_t2v,
        "hunyuan-1.5-i2v": build_hunyuan_i2v,
        "hunyuan-1.5-meanflow": build_hunyuan_meanflow,
        "wan-2.1-t2v": build_wan21_t2v,
        "wan-2.1-i2v": build_wan21_i2v,
        "wan-2.2-t2v": build_wan22_t2v,
        "wan-2.2-i2v": build_wan22_i2v,
        "wan-2.2-5b": build_wan22_5b,
    }
)


def build_checkpoint(kind: str, folder: Path) -> Path:
    """Write the tiny checkpoint of `kind`, always with the same weights; returns `folder`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BUILDERS[kind](folder)
    return folder
