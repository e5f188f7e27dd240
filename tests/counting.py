"""Models on the meta device, and what torch itself counts of their arithmetic."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
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


class _Living(TorchDispatchMode):
    """Bytes of the tensors that are alive, and the most there ever were."""

    def __init__(self, *models: torch.nn.Module) -> None:
        super().__init__()
        self.now = self.peak = 0
        weights = (p for model in models for p in model.parameters())
        self._known = {p.untyped_storage()._cdata for p in weights}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, torch.Tensor):
                self._note(leaf.untyped_storage())
        return made

    def _note(self, storage: torch.UntypedStorage) -> None:
        if (key := storage._cdata) in self._known:
            return
        self._known.add(key)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, key, storage.nbytes())

    def _forget(self, key: int, num_bytes: int) -> None:
        self._known.discard(key)
        self.now -= num_bytes


def peak_live_bytes(run: Callable[[], Any], *models: torch.nn.Module) -> int:
    """The most bytes that `run` holds in tensors which are not the weights of `models`."""
    with torch.no_grad(), torch.device("meta"), _Living(*models) as living:
        run()
    return living.peak
