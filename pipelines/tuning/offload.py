"""Weights that wait in the host's memory, for cards that cannot hold a stage's models at once."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from accelerate.hooks import ModelHook, add_hook_to_module
from accelerate.utils import send_to_device
from diffusers.hooks import apply_group_offloading

Offload = Literal["none", "model", "group"]


class OffloadUnavailable(Exception):
    """The settings ask for offloading where there is no device to load from; the message helps."""


def place(models: Sequence[torch.nn.Module], device: torch.device, mode: Offload) -> None:
    """Bring a stage's models, which are in the host's memory, to where they work.

    - `none`: all of them on the device, always;
    - `model`: on the device one at a time, whole, while it works;
    - `group`: on the device layer by layer, the next one while the one before it works.

    Raises `OffloadUnavailable`.
    """
    if mode == "none":
        for model in models:
            model.to(device)
        return
    if device.type == "cpu":
        raise OffloadUnavailable(
            f"offload: {mode} moves weights to a GPU and back, and this stage runs on the CPU; "
            "use offload: none, or give the stage num_gpus."
        )
    if mode == "model":
        take_turns(models, device)
        return
    for model in models:
        stream_layers(model, device)


def take_turns(models: Sequence[torch.nn.Module], device: torch.device) -> None:
    """Whoever of the models is called comes to the device, and the others leave it."""
    for model in models:
        add_hook_to_module(model, _Turn(model, models, device))


def stream_layers(model: torch.nn.Module, device: torch.device) -> None:
    """Layers come to the device when they are called: blocks of a transformer, else single ones.

    A model with torch's own multi-head attention (SigLIP has it) comes as a whole: that layer reads
    the weights of another one without calling it, and so without bringing it along.
    """
    if any(isinstance(module, torch.nn.MultiheadAttention) for module in model.modules()):
        take_turns([model], device)
        return
    blocks = hasattr(model, "_repeated_blocks") and bool(model._repeated_blocks)
    apply_group_offloading(
        model,
        onload_device=device,
        offload_device=torch.device("cpu"),
        offload_type="block_level" if blocks else "leaf_level",
        num_blocks_per_group=1 if blocks else None,
        use_stream=device.type == "cuda",
    )


class _Turn(ModelHook):  # type: ignore[misc]
    """Before a call: this model in, the others out. The library's VAEs call it for `decode` too."""

    def __init__(
        self, model: torch.nn.Module, models: Sequence[torch.nn.Module], device: torch.device
    ) -> None:
        self.execution_device = device
        """Where the library's pipelines make their tensors."""
        self._others = [other for other in models if other is not model]

    def pre_forward(self, module: torch.nn.Module, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Change places; the arguments follow."""
        for other in self._others:
            other.to("cpu")
        module.to(self.execution_device)
        device = self.execution_device
        return send_to_device(args, device), send_to_device(kwargs, device)
