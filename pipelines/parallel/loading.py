"""A rank's part of a transformer, read from disk without ever holding the whole."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import accelerate
import diffusers
import torch
from safetensors import safe_open
from torch import nn

from pipelines.checkpoint import IncompleteCheckpoint
from pipelines.parallel.plans import PLANS
from pipelines.parallel.tensor import divide_layers
from pipelines.parallel.way import Way

WEIGHTS = "diffusion_pytorch_model.safetensors"


def load_part(
    folder: Path,
    config: Mapping[str, Any],
    *,
    dtype: torch.dtype,
    device: torch.device | str,
    way: Way,
) -> nn.Module:
    """The part of the transformer in `folder` that a rank of `way` holds, on `device`.

    What its class keeps in float32 stays so; all else takes `dtype`, whatever it has on disk.
    Raises `IncompleteCheckpoint` for weights that are not there or have another shape.
    """
    transformer = divided_outline(config, dtype=dtype, way=way)
    wanted = dict(_parameters(transformer))
    for path in _files(folder):
        with safe_open(str(path), framework="pt") as file:
            for name in wanted.keys() & file.keys():
                module, leaf = wanted.pop(name)
                read = _read(file, name, module, leaf, way)
                held = held_dtype(transformer, name, dtype) if read.is_floating_point() else None
                # A copy, for what was read may be the file itself, mapped into memory.
                own = torch.empty_like(read, dtype=held, device=device).copy_(read)
                setattr(module, leaf, nn.Parameter(own, requires_grad=False))
    if wanted:
        raise IncompleteCheckpoint(
            f"{folder} lacks {len(wanted)} tensors, {min(wanted)} among them: fetch it again."
        )
    for module in transformer.modules():
        for name, buffer in module._buffers.items():
            module._buffers[name] = None if buffer is None else buffer.to(device)
    return transformer.eval().requires_grad_(False)


def divided_outline(config: Mapping[str, Any], *, dtype: torch.dtype, way: Way) -> nn.Module:
    """The transformer with a rank's shapes: parameters without numbers, buffers with them."""
    kind = str(config["_class_name"])
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with accelerate.init_empty_weights(include_buffers=False):
            transformer: nn.Module = getattr(diffusers, kind).from_config(dict(config))
    finally:
        torch.set_default_dtype(before)
    divide_layers(transformer, PLANS[kind], way)
    return transformer


def held_dtype(transformer: nn.Module, name: str, dtype: torch.dtype) -> torch.dtype:
    """Of a parameter in a model of `dtype`: its class may keep some layers in float32."""
    kept = getattr(transformer, "_keep_in_fp32_modules", None) or ()
    return dtype if set(kept).isdisjoint(name.split(".")) else torch.float32


def _parameters(transformer: nn.Module) -> Iterator[tuple[str, tuple[nn.Module, str]]]:
    for path, module in transformer.named_modules():
        for leaf, parameter in module.named_parameters(recurse=False):
            if parameter is not None:
                yield f"{path}.{leaf}".lstrip("."), (module, leaf)


def _files(folder: Path) -> list[Path]:
    """One file, or those that an index lists."""
    index = folder / f"{WEIGHTS}.index.json"
    if not index.is_file():
        names = {WEIGHTS}
    else:
        names = set(json.loads(index.read_text())["weight_map"].values())
    for name in sorted(names):
        if not (folder / name).is_file():
            raise IncompleteCheckpoint(
                f"{folder / name} cannot be loaded: it is not there, and only safetensors can be "
                "read in parts."
            )
    return [folder / name for name in sorted(names)]


def _read(file: Any, name: str, module: nn.Module, leaf: str, way: Way) -> torch.Tensor:
    dimension = getattr(module, "divided", {}).get(leaf)
    stored = file.get_slice(name)
    shape = list(stored.get_shape())
    if dimension is not None:
        part = way.part(shape[dimension])
        shape[dimension] = part.stop - part.start
    expected = list(getattr(module, leaf).shape)
    if shape != expected:
        raise IncompleteCheckpoint(f"{name} has the shape {shape}; {expected} is needed.")
    if dimension is None:
        whole: torch.Tensor = file.get_tensor(name)
        return whole
    rows: torch.Tensor = stored[part] if dimension == 0 else stored[:, part]
    return rows
