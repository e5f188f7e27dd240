"""What one stage hands to the next, and how it becomes bytes.

A `Parcel` holds tensors and plain values. It travels, and is stored, as one safetensors blob whose
header carries the values as JSON: nothing that comes from a store is ever unpickled.

A tensor comes back with the order of dimensions that it had in memory, too: in bfloat16 a matrix
product of the same numbers in another order may round differently.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import safetensors
import safetensors.torch
import torch

FORMAT_VERSION = 1
Kind = Literal["conditioning", "checkpoint", "latents"]


class ParcelError(ValueError):
    """Bytes that are not a parcel of the expected kind and format version."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Tensors by name, and JSON values by name (a torch dtype is allowed as a value)."""

    kind: Kind
    tensors: Mapping[str, torch.Tensor]
    values: Mapping[str, Any] = field(default_factory=dict)

    def pack(self) -> bytes:
        """Safetensors bytes; tensors go to the CPU, and each into memory of its own."""
        header = {
            "kind": self.kind,
            "format_version": FORMAT_VERSION,
            "values": {name: _to_json(value) for name, value in self.values.items()},
            "orders": _orders(self.tensors),
        }
        blob: bytes = safetensors.torch.save(
            _apart(self.tensors), metadata={"filmgate": json.dumps(header)}
        )
        return blob


def unpack(blob: bytes, kind: Kind) -> Parcel:
    """The parcel in `blob`; raises `ParcelError` if it is of another kind, version or no parcel."""
    header = _header(blob)
    if header.get("kind") != kind or header.get("format_version") != FORMAT_VERSION:
        raise ParcelError(
            f"expected a {kind} of format {FORMAT_VERSION}, found "
            f"{header.get('kind')} of format {header.get('format_version')}"
        )
    try:
        tensors = safetensors.torch.load(blob)
    except safetensors.SafetensorError as error:
        raise ParcelError(f"the tensors are damaged: {error}") from error
    values = header.get("values")
    if not isinstance(values, dict):
        raise ParcelError("the parcel has no values")
    try:
        for name, order in header.get("orders", {}).items():
            tensors[name] = _in_order(tensors[name], order)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ParcelError("the order of a tensor's dimensions is damaged") from error
    return Parcel(kind, tensors, {name: _from_json(value) for name, value in values.items()})


def _orders(tensors: Mapping[str, torch.Tensor]) -> dict[str, list[int]]:
    """Dimensions from the outermost to the innermost, of tensors where that is not their order."""
    found = {}
    for name, tensor in tensors.items():
        alike = torch.empty_like(tensor, device="meta")  # the same order, without any gaps
        if not alike.is_contiguous():
            found[name] = sorted(range(alike.dim()), key=alike.stride, reverse=True)
    return found


def _in_order(tensor: torch.Tensor, order: list[int]) -> torch.Tensor:
    """The same numbers with the dimensions in that order in memory."""
    back = [order.index(dimension) for dimension in range(len(order))]
    return tensor.permute(order).contiguous().permute(back)


def _apart(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors on the CPU, contiguous; those that share memory, or are part of more, copied."""
    apart: dict[str, torch.Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        there = tensor.detach().cpu().contiguous()
        storage = there.untyped_storage()
        shared = storage.nbytes() != there.nbytes or storage.data_ptr() in seen
        seen.add(storage.data_ptr())
        apart[name] = there.clone() if shared else there
    return apart


def _header(blob: bytes) -> dict[str, Any]:
    """The JSON in a safetensors header: eight bytes of length (little endian), then JSON."""
    length = int.from_bytes(blob[:8], "little")
    try:
        outer = json.loads(blob[8 : 8 + length])
        header = json.loads(outer["__metadata__"]["filmgate"])
    except (ValueError, KeyError, TypeError) as error:
        raise ParcelError("these bytes are not a filmgate parcel") from error
    if not isinstance(header, dict):
        raise ParcelError("these bytes are not a filmgate parcel")
    return header


def _to_json(value: Any) -> Any:
    if isinstance(value, torch.dtype):
        return {"torch.dtype": str(value).removeprefix("torch.")}
    return value


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict) or set(value) != {"torch.dtype"}:
        return value
    dtype = getattr(torch, str(value["torch.dtype"]), None)
    if not isinstance(dtype, torch.dtype):
        raise ParcelError(f"{value['torch.dtype']} is no dtype")
    return dtype
