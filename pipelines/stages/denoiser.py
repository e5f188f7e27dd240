"""What a denoise stage loads: its models as one rank holds them, and what the blocks need."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
import transformers

from pipelines.checkpoint import Checkpoint
from pipelines.families.family import Family
from pipelines.parallel.denoiser import divide_sequence, load_parts
from pipelines.parallel.fit import TRANSFORMERS
from pipelines.parallel.group import RankGroup
from pipelines.parallel.passes import DEALT, deal_passes
from pipelines.parallel.shape import SINGLE, GangShape
from pipelines.spec import ClipSpec
from pipelines.stages.components import components_of, family_block, load_pipeline, outline
from pipelines.tuning.attention import ALWAYS_THERE, AttentionNeeds, choose_attention
from pipelines.tuning.offload import Offload, OffloadUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Denoiser:
    """What all jobs of a stage share, and none of them changes."""

    family: Family
    pipeline: Any
    """The library's pipeline with transformer, scheduler and guiders."""
    block: Any
    """Its denoise block."""
    decoders: tuple[Any, ...]
    """The blocks that will read the latents."""
    dtype: torch.dtype
    device: torch.device | str
    identity: Mapping[str, str]
    """What must be the same where a job is resumed: not the gang's shape."""
    ranks: RankGroup | None = None
    """The gang that this process is a rank of; None for a whole denoiser."""

    def own_pipeline(self, spec: ClipSpec) -> Any:
        """The shared models with a scheduler and guiders that only one job uses."""
        pipeline = copy.copy(self.pipeline)
        pipeline.scheduler = copy.deepcopy(self.pipeline.scheduler)
        for name, options in self.family.guiders.items():
            guider = copy.deepcopy(getattr(self.pipeline, name))
            guider.guidance_scale = options.get("guidance_scale", spec.guidance_scale)
            setattr(pipeline, name, guider)
        if self.ranks and self.ranks.shape.cfg > 1:
            guiders = [getattr(pipeline, name) for name in self.family.guiders]
            deal_passes(guiders, self.ranks.way("cfg"))
        return pipeline

    def transformers(self) -> list[Any]:
        """The one that a family has, or both."""
        found = (getattr(self.pipeline, name, None) for name in TRANSFORMERS)
        return [transformer for transformer in found if transformer is not None]

    def attention_needs(self) -> AttentionNeeds:
        """What attention kernels must be able to do on this rank."""
        config = self.transformers()[0].config
        shape = self.ranks.shape if self.ranks else SINGLE
        return _attention_needs(self.family, config, shape, dtype=self.dtype, device=self.device)


def check_attention(
    asked: str,
    checkpoint: Checkpoint,
    shape: GangShape,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
) -> None:
    """Raise `AttentionUnavailable` for kernels that cannot run here, before weights are loaded.

    By the configs alone; where these are silent, loading the model decides.
    """
    if asked in ALWAYS_THERE:
        return
    config = checkpoint.configs.get("transformer", {})
    if {"num_attention_heads", "attention_head_dim"} <= set(config):
        needs = _attention_needs(checkpoint.family, config, shape, dtype=dtype, device=device)
        choose_attention(asked, needs)


def _attention_needs(
    family: Family,
    config: Mapping[str, Any],
    shape: GangShape,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
) -> AttentionNeeds:
    return AttentionNeeds(
        heads=config["num_attention_heads"] // (shape.tp * shape.ulysses),
        head_size=config["attention_head_dim"],
        dtype=dtype,
        device=torch.device(device),
        masks=family.masks,
        sequence_parallel=shape.ulysses > 1,
    )


def load_denoiser(
    checkpoint: Checkpoint,
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    ranks: RankGroup | None,
    offload: Offload,
) -> Denoiser:
    """Transformer and scheduler alone, as one rank holds them; of the VAEs, the configuration."""
    if ranks and offload != "none":
        raise OffloadUnavailable(f"offload: {offload} is for gangs of one rank")
    family = checkpoint.family
    device = ranks.device if ranks else device
    block = family_block(checkpoint, family.denoise)
    names = [n for n in components_of(block, checkpoint) if n not in family.config_only]
    pipeline = load_pipeline(
        checkpoint,
        block,
        names=names,
        dtype=dtype,
        device=device,
        loaded=load_parts(checkpoint, names, dtype=dtype, ranks=ranks),
        offload=offload,
    )
    divide_sequence(pipeline, ranks)
    _complete(pipeline, checkpoint, ranks)
    paths = [path for path in (family.video, family.audio) if path]
    return Denoiser(
        family=family,
        pipeline=pipeline,
        block=block,
        decoders=tuple(family_block(checkpoint, path) for path in paths),
        dtype=dtype,
        device=device,
        ranks=ranks,
        identity=_identity(checkpoint, names, dtype),
    )


def _identity(checkpoint: Checkpoint, names: list[str], dtype: torch.dtype) -> dict[str, str]:
    return {
        "family": checkpoint.family.name,
        "fingerprint": checkpoint.fingerprint(names),
        "dtype": str(dtype),
        "torch": torch.__version__.partition("+")[0],
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
    }


def _complete(pipeline: Any, checkpoint: Checkpoint, ranks: RankGroup | None) -> None:
    """What the blocks need besides weights."""
    family = checkpoint.family
    for name in family.config_only:
        # Without it the blocks silently assume the full-size model's compression ratios.
        setattr(pipeline, name, outline(checkpoint, name))
    for name, options in family.guiders.items():
        # Never the blocks' own defaults: these change with how a pipeline is cut.
        setattr(pipeline, name, _guider(family, ranks)(**options))


def _guider(family: Family, ranks: RankGroup | None) -> Any:
    dealt = ranks is not None and ranks.shape.cfg > 1
    return DEALT[family.guider] if dealt else getattr(diffusers, family.guider)
