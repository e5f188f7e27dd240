"""Whether what was made can be a clip at all: numbers that are none, or a picture of one colour."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

LEAST_SPREAD = 1e-4
"""Of latents, which are made to vary by about 1."""
LEAST_CONTRAST = 2
"""Of 255, between the darkest and the brightest value of all frames."""


class UnsoundLatents(Exception):
    """What the model made is no clip; the message says in which way."""


def check_finite(tensors: Mapping[str, Any]) -> None:
    """Raise `UnsoundLatents` for latents that hold a number which is none."""
    for name, tensor in _latents(tensors).items():
        if not bool(torch.isfinite(tensor).all()):
            wrong = int((~torch.isfinite(tensor)).sum())
            raise UnsoundLatents(f"{wrong} of {tensor.numel()} values of {name} are not finite")


def check_latents(tensors: Mapping[str, Any]) -> None:
    """Raise `UnsoundLatents` for such numbers, and for latents that are the same everywhere."""
    check_finite(tensors)
    for name, tensor in _latents(tensors).items():
        if tensor.numel() > 1 and float(tensor.float().std()) < LEAST_SPREAD:
            raise UnsoundLatents(f"{name} have the same value everywhere")


def check_frames(video: npt.NDArray[np.uint8]) -> None:
    """Raise `UnsoundLatents` for frames, [frames, height, width, 3], of one and the same grey."""
    if int(video.max()) - int(video.min()) <= LEAST_CONTRAST:
        raise UnsoundLatents(f"all decoded frames are blank (value {int(video.min())} of 255)")


def check_decoded(tensor: torch.Tensor, what: str) -> None:
    """Raise `UnsoundLatents` for a decoder's output that is no number somewhere."""
    if not bool(torch.isfinite(tensor).all()):
        raise UnsoundLatents(f"the decoded {what} is not finite everywhere")


def _latents(tensors: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in tensors.items() if name.endswith("latents")}
