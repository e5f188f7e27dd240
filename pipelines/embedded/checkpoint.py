"""Write the trained parts as a checkpoint in diffusers' format, and read it back as a pipeline."""

import json
from pathlib import Path
from types import MappingProxyType
from typing import Final

import diffusers
import torch
from diffusers import (
    AutoencoderKLLTX2Audio,
    AutoencoderKLLTX2Video,
    LTX2AutoBlocks,
    LTX2VideoTransformer3DModel,
    ModularPipeline,
)
from diffusers.guiders import LTX2Guidance
from diffusers.pipelines.ltx2.connectors import LTX2TextConnectors
from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder
from torch import nn
from transformers import Gemma3TextModel

from pipelines.embedded.network import MAX_TEXT, build_scheduler
from pipelines.embedded.place import WEIGHTS
from pipelines.embedded.vocabulary import build_tokenizer

GUIDANCE: Final = 2.0
STEPS: Final = 12
CLASSES: Final = {
    "audio_vae": ("diffusers", "AutoencoderKLLTX2Audio"),
    "connectors": ("ltx2", "LTX2TextConnectors"),
    "scheduler": ("diffusers", "FlowMatchEulerDiscreteScheduler"),
    "text_encoder": ("transformers", "Gemma3TextModel"),
    "tokenizer": ("transformers", "PreTrainedTokenizerFast"),
    "transformer": ("diffusers", "LTX2VideoTransformer3DModel"),
    "vae": ("diffusers", "AutoencoderKLLTX2Video"),
    "vocoder": ("ltx2", "LTX2Vocoder"),
}

PARTS: Final = MappingProxyType(
    {
        "audio_vae": AutoencoderKLLTX2Audio,
        "connectors": LTX2TextConnectors,
        "text_encoder": Gemma3TextModel,
        "transformer": LTX2VideoTransformer3DModel,
        "vae": AutoencoderKLLTX2Video,
        "vocoder": LTX2Vocoder,
    }
)
STATED: Final = {
    "limits": {
        "sizes": [[96, 96]],
        "free_sizes": False,
        "max_pixels": 96 * 96,
        "min_frames": 17,
        "default_frames": 17,
        "max_frames": 17,
        "default_fps": 8,
        "min_fps": 8,
        "max_fps": 8,
        "default_steps": STEPS,
        "default_guidance": GUIDANCE,
        "max_prompt_chars": 500,
    },
    "max_sequence_length": MAX_TEXT,
    "guiders": {"guider": {}, "audio_guider": {}},
}
"""What the model was trained for, for whoever serves it: its only size, length and rate."""


def save_checkpoint(folder: Path, parts: dict[str, nn.Module]) -> None:
    """Write all parts (named as in CLASSES) in half precision, with what else diffusers needs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        part.to(torch.float16).save_pretrained(folder / name)  # type: ignore[operator]
    build_tokenizer().save_pretrained(folder / "tokenizer")
    build_scheduler().save_pretrained(folder / "scheduler")
    index = {"_class_name": "LTX2Pipeline", "_diffusers_version": diffusers.__version__, **CLASSES}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
    (folder / "filmgate.json").write_text(json.dumps(STATED, indent=2) + "\n")


def load_part(folder: Path, name: str) -> nn.Module:
    """Read one part of a checkpoint in float32."""
    part: nn.Module = PARTS[name].from_pretrained(folder / name, dtype=torch.float32)
    return part


def load_pipeline(folder: Path = WEIGHTS, guidance: float = GUIDANCE) -> ModularPipeline:
    """Read a checkpoint into diffusers' own LTX-2 blocks, in float32, with plain guidance alone."""
    pipeline = LTX2AutoBlocks().init_pipeline(str(folder))
    pipeline.load_components(dtype=torch.float32)
    set_guidance(pipeline, guidance)
    return pipeline


def set_guidance(pipeline: ModularPipeline, guidance: float) -> None:
    """Set classifier-free guidance of both streams; 1 means none."""
    pipeline.update_components(
        guider=LTX2Guidance(guidance_scale=guidance),
        audio_guider=LTX2Guidance(guidance_scale=guidance),
    )
