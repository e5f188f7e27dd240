"""What each family asks of attention kernels, and which it runs with on a CPU."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.spec import ClipSpec
from pipelines.stages.denoise import DenoiseStage
from pipelines.stages.encode import EncodeStage
from pipelines.tuning.attention import AttentionUnavailable

KINDS = ["ltx2", "hunyuan-1.5-t2v", "hunyuan-1.5-i2v", "wan-2.1-i2v", "wan-2.2-t2v"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_family_says_whether_it_passes_masks(
    kind: str,
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    picture: Image.Image,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = opened(kind)
    spec = clip(checkpoint, has_image=kind.endswith("i2v"), steps=2)
    shown = picture if spec.has_image else None
    conditioning = EncodeStage.load(checkpoint, dtype=torch.float32).encode(spec, shown)
    stage = DenoiseStage.load(checkpoint, dtype=torch.float32)
    assert stage.use_attention("auto") == "native"
    masked = []
    native = _AttentionBackendRegistry._backends[AttentionBackendName.NATIVE]

    def watched(**given: Any) -> Any:
        masked.append(given["attn_mask"] is not None)
        return native(**given)

    backends = {**_AttentionBackendRegistry._backends, AttentionBackendName.NATIVE: watched}
    monkeypatch.setattr(_AttentionBackendRegistry, "_backends", backends)
    stage.begin(spec, conditioning).advance()
    assert masked
    assert any(masked) == checkpoint.family.masks


@pytest.mark.parametrize("kind", KINDS)
def test_other_kernels_are_refused_on_a_cpu(kind: str, opened: Callable[[str], Checkpoint]) -> None:
    stage = DenoiseStage.load(opened(kind), dtype=torch.float32)
    with pytest.raises(AttentionUnavailable, match="sage needs a CUDA device"):
        stage.use_attention("sage")
