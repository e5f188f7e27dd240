"""The library's pipelines with a chosen few of their blocks, and the components these need."""

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import diffusers
import torch

from pipelines.checkpoint import Checkpoint, IncompleteCheckpoint
from pipelines.families.family import Family
from pipelines.library_talk import silence_libraries
from pipelines.tuning.offload import Offload, place


def find_block(blocks: Any, path: str) -> Any:
    """The block at a dotted path, such as `decode.default.video_decode`."""
    for name in path.split("."):
        blocks = blocks.sub_blocks[name]
    return blocks


def family_block(checkpoint: Checkpoint, path: str) -> Any:
    """One block of the checkpoint's family, by its path; from here on the library is silent."""
    silence_libraries()
    module, _, name = checkpoint.family.blocks.rpartition(":")
    return find_block(getattr(importlib.import_module(module or "diffusers"), name)(), path)


def components_of(blocks: Any, checkpoint: Checkpoint) -> list[str]:
    """The components that `blocks` read from disk, as far as the checkpoint has them at all."""
    return [
        spec.name
        for spec in blocks.expected_components
        if spec.default_creation_method == "from_pretrained"
        and any(checkpoint.configs["index"].get(spec.name) or ())
    ]


def load_pipeline(
    checkpoint: Checkpoint,
    blocks: Any,
    *,
    names: Iterable[str],
    dtype: torch.dtype,
    device: torch.device | str,
    loaded: Mapping[str, torch.nn.Module] | None = None,
    offload: Offload = "none",
) -> Any:
    """A pipeline of `blocks` with the components `names`, its models at work on `device`.

    Some may be `loaded` before.

    Raises `IncompleteCheckpoint` naming the folder of the first one that cannot be loaded: the
    library's own bulk loading would leave it out with a warning.
    """
    folder = checkpoint.fetch(names)
    pipeline = blocks.init_pipeline(str(folder))
    components: dict[str, Any] = dict(loaded or {})
    for name in names:
        if name not in components:
            wanted = torch.float32 if name in checkpoint.family.float32 else dtype
            components[name] = _load(pipeline.get_component_spec(name), folder, wanted)
        adapt(checkpoint.family, name, components[name])
        if offload == "none" and isinstance(components[name], torch.nn.Module):
            # One by one, so that the host never holds them all.
            place([components[name]], torch.device(device), offload)
    if offload != "none":
        models = [part for part in components.values() if isinstance(part, torch.nn.Module)]
        place(models, torch.device(device), offload)
    pipeline.update_components(**components)
    return pipeline


def _load(spec: Any, folder: Path, dtype: torch.dtype) -> Any:
    if not (folder / spec.name).is_dir():
        # A byte tokenizer would be made up from nothing.
        raise IncompleteCheckpoint(f"{folder / spec.name} cannot be loaded: it is not there.")
    try:
        component = spec.load(
            pretrained_model_name_or_path=str(folder), subfolder=spec.name, dtype=dtype
        )
    except Exception as error:
        raise IncompleteCheckpoint(f"{folder / spec.name} cannot be loaded: {error}") from error
    if isinstance(component, torch.nn.Module):
        # No dtype from here on: it would undo the layers that a model keeps in float32.
        component.eval().requires_grad_(False)
    return component


def adapt(family: Family, name: str, component: Any) -> None:
    """Change a component that was just built as its family wants it."""
    if name in family.adapted:
        module, _, function = family.adapted[name].partition(":")
        getattr(importlib.import_module(module), function)(component)


def outline(checkpoint: Checkpoint, name: str) -> torch.nn.Module:
    """A component with its configuration and shapes, on the meta device: no weights are read."""
    config = checkpoint.configs.get(name)
    if config is None:
        raise IncompleteCheckpoint(f"{checkpoint.source.name} has no {name}/config.json.")
    with torch.device("meta"):
        built: torch.nn.Module = getattr(diffusers, config["_class_name"]).from_config(dict(config))
    return built
