"""From a hub id or a folder to a checkpoint of a known family, by its small JSON files alone."""

import dataclasses
import importlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipelines.checkpoint import (
    CONFIG_FILES,
    INDEX_FILES,
    STATED_FILE,
    Checkpoint,
    CheckpointError,
    Source,
    UnsupportedCheckpoint,
)
from pipelines.families.family import Config, Configs, Family
from pipelines.spec import ModelLimits

FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "LTX2Pipeline": "pipelines.families.ltx2:family",
        "LTX2ImageToVideoPipeline": "pipelines.families.ltx2:family",
        "LTX2ModularPipeline": "pipelines.families.ltx2:family",
        "WanPipeline": "pipelines.families.wan:text_to_video",
        "WanModularPipeline": "pipelines.families.wan:text_to_video",
        "Wan22ModularPipeline": "pipelines.families.wan:text_to_video",
        "WanImageToVideoPipeline": "pipelines.families.wan:image_to_video",
        "WanImage2VideoModularPipeline": "pipelines.families.wan:image_to_video",
        "Wan22Image2VideoModularPipeline": "pipelines.families.wan:image_to_video",
    }
)
"""Pipeline class in a checkpoint's index -> the function that makes its family."""

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def open_checkpoint(
    source: str, *, revision: str | None = None, offline: bool = False
) -> Checkpoint:
    """Open a folder in diffusers format or a repository of the hub.

    `revision` is a branch, tag or commit of the hub; `offline` uses only what is already cached.
    Raises `UnsupportedCheckpoint` for models that no family covers, and `CheckpointError` where
    the files cannot be had.
    """
    origin = _source(source, revision, offline)
    folder = origin.fetch(CONFIG_FILES)
    configs = _configs(folder, source)
    if origin.folder is None:
        # A snapshot folder is named after its commit: every stage loads that one, whatever
        # happens to the branch in between.
        origin = dataclasses.replace(origin, revision=folder.name)
    kind = str(configs["index"].get("_class_name"))
    if kind not in FAMILIES:
        raise UnsupportedCheckpoint(
            f"{source} is a {kind}, which filmgate does not run; it runs "
            f"{', '.join(sorted(FAMILIES))}."
        )
    family = _family(FAMILIES[kind], configs, source)
    return Checkpoint(source=origin, configs=configs, family=_stated(family, folder))


def _source(source: str, revision: str | None, offline: bool) -> Source:
    folder = Path(source).expanduser()
    if folder.is_dir():
        return Source(name=source, folder=folder)
    if folder.exists() or not HUB_ID.fullmatch(source):
        raise UnsupportedCheckpoint(
            f"{source} is neither a folder nor a hub id (owner/name): name the folder that holds "
            "model_index.json."
        )
    return Source(name=source, folder=None, revision=revision, offline=offline)


def _configs(folder: Path, source: str) -> Configs:
    index = next((folder / name for name in INDEX_FILES if (folder / name).is_file()), None)
    if index is None:
        raise UnsupportedCheckpoint(
            f"{source} has no model_index.json: name a checkpoint in diffusers format, the folder "
            "that `save_pretrained` of a whole pipeline wrote."
        )
    configs = {"index": _read(index)}
    for path in sorted(folder.glob("*/config.json")):
        configs[path.parent.name] = _read(path)
    for path in sorted(folder.glob("*/scheduler_config.json")):
        configs[path.parent.name] = _read(path)
    return configs


def _read(path: Path) -> Config:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} does not hold a JSON object.")
    return content


def _family(reference: str, configs: Configs, source: str) -> Family:
    module, _, function = reference.partition(":")
    make: Callable[[Configs], Family] = getattr(importlib.import_module(module), function)
    try:
        return make(configs)
    except KeyError as error:
        raise CheckpointError(f"{source} lacks the configuration of {error}.") from error
    except UnsupportedCheckpoint as error:
        raise UnsupportedCheckpoint(f"{source}: {error}") from error


def _stated(family: Family, folder: Path) -> Family:
    """The family with what the checkpoint's own `filmgate.json` states in its place."""
    path = folder / STATED_FILE
    if not path.is_file():
        return family
    stated: dict[str, Any] = dict(_read(path))
    limits = {name: _tuples(value) for name, value in stated.pop("limits", {}).items()}
    stated["guiders"] = {**family.guiders, **stated.get("guiders", {})}
    unknown = (limits.keys() - ModelLimits.__slots__) | (stated.keys() - family.stateable)
    if unknown:
        raise CheckpointError(
            f"{path} states what cannot be set here: {', '.join(sorted(unknown))}."
        )
    return dataclasses.replace(
        family, limits=dataclasses.replace(family.limits, **limits), **stated
    )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
