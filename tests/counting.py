"""Models on the meta device, and what torch itself counts of their arithmetic."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from pipelines.shapes.configs import shape_from_configs
from pipelines.shapes.shape import ModelShape
from pipelines.spec import ClipSpec

NO_TEXT_ENCODER = {"text_encoder": {"d_model": 64}}


def spec(width: int, height: int, num_frames: int, **changes: Any) -> ClipSpec:
    values: dict[str, Any] = {
        "prompt": "a lighthouse",
        "negative_prompt": "",
        "width": width,
        "height": height,
        "num_frames": num_frames,
        "fps": 24,
        "steps": 10,
        "guidance_scale": 3.0,
        "seed": 1,
        "sound": True,
        "has_image": False,
    }
    return ClipSpec(**{**values, **changes})


def built(classes: dict[str, Any], configs: dict[str, Any]) -> dict[str, Any]:
    with torch.device("meta"):
        return {name: classes[name](**options) for name, options in configs.items()}


def shape_of(models: dict[str, Any], text_tokens: int) -> ModelShape:
    configs = {name: dict(model.config) for name, model in models.items()}
    for name, model in models.items():
        configs[name]["_class_name"] = type(model).__name__
    return shape_from_configs(NO_TEXT_ENCODER | configs, text_tokens=text_tokens)


def counted(run: Callable[[], Any]) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad(), torch.device("meta"):
        run()
    return counter.get_total_flops()


def parameters(*modules: torch.nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters())
