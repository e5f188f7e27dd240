"""Weights that wait in the host's memory, for cards that cannot hold a stage's models at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from accelerate.hooks import ModelHook, add_hook_to_module, remove_hook_from_module
from accelerate.utils import send_to_device
from diffusers.hooks import HookRegistry, apply_group_offloading, group_offloading

Offload = Literal["none", "model", "group"]
LAYER_HOOKS = (
    group_offloading._GROUP_OFFLOADING,
    group_offloading._LAYER_EXECUTION_TRACKER,
    group_offloading._LAZY_PREFETCH_GROUP_OFFLOADING,
)
"""What the library puts on layers that come and go, by its own names."""


class OffloadUnavailable(Exception):
    """The settings ask for offloading where there is no device to load from; the message helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retreat:
    """How a denoiser goes on with a job that it had no room for."""

    mode: Offload
    said: str
    """For people: what is different then, or why nothing is."""


def retreat_from(mode: Offload, device: torch.device, *, num_ranks: int) -> Retreat:
    """The lightest way from `mode`; on some devices and in some gangs there is none."""
    if num_ranks > 1:
        return Retreat(mode=mode, said="as before: offloading is for gangs of one rank")
    if device.type == "cpu":
        return Retreat(mode=mode, said="as before: on a CPU there is nowhere to offload weights to")
    if mode == "group":
        return Retreat(mode=mode, said="as before: offload is group already, the lightest way")
    return Retreat(mode="group", said="with offload: group")


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


def release(models: Sequence[torch.nn.Module]) -> None:
    """Take back what `place` arranged; weights stay where they are, some here and some there."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()  # a call that broke off may have left layers on their way
    for model in models:
        remove_hook_from_module(model)
        for name in LAYER_HOOKS:
            HookRegistry.check_if_exists_or_initialize(model).remove_hook(name, recurse=True)


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
