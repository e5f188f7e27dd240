"""A scheduler's state as tensors and JSON, and back: a multistep solver remembers past steps."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

TENSOR = "tensor"


def freeze(scheduler: Any, path: str, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """All attributes but the configuration; tensors go into `tensors` under names from `path`.

    Raises `TypeError` for state that is neither tensors nor plain values.
    """
    return {
        name: _freeze(value, f"{path}.{name}", tensors)
        for name, value in vars(scheduler).items()
        if name != "_internal_dict"
    }


def thaw(
    scheduler: Any,
    frozen: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor],
    device: torch.device | str,
) -> None:
    """Give `scheduler`, which was set up for the same job, the state of `freeze`.

    A tensor goes where the scheduler keeps it already, and a past step's to `device`.
    """
    for name, value in frozen.items():
        present = getattr(scheduler, name, None)
        place = present.device if isinstance(present, torch.Tensor) else device
        setattr(scheduler, name, _thaw(value, tensors, place))


def _freeze(value: Any, path: str, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, torch.Tensor):
        tensors[path] = value
        return {TENSOR: path}
    if isinstance(value, list | tuple):
        return [_freeze(item, f"{path}.{i}", tensors) for i, item in enumerate(value)]
    raise TypeError(f"{path} is a {type(value).__name__}, which a checkpoint cannot hold")


def _thaw(value: Any, tensors: Mapping[str, torch.Tensor], device: torch.device | str) -> Any:
    if isinstance(value, dict):
        return tensors[value[TENSOR]].to(device)
    if isinstance(value, list):
        return [_thaw(item, tensors, device) for item in value]
    return value
