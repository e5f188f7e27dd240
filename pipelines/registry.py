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
    COMPONENT_FILES,
    CONFIG_FILES,
    INDEX_FILES,
    STATED_FILE,
    Checkpoint,
    CheckpointError,
    IncompleteCheckpoint,
    Source,
    UnsupportedCheckpoint,
)
from pipelines.families.family import Config, Configs, Family
from pipelines.spec import ModelLimits

LTX2 = "pipelines.families.ltx2:family"
HUNYUAN = "pipelines.families.hunyuan:by_task"
HUNYUAN_TEXT = "pipelines.families.hunyuan:text_to_video"
HUNYUAN_IMAGE = "pipelines.families.hunyuan:image_to_video"
WAN_TEXT = "pipelines.families.wan:text_to_video"
WAN_IMAGE = "pipelines.families.wan:image_to_video"
FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "LTX2Pipeline": LTX2,
        "LTX2ImageToVideoPipeline": LTX2,
        "LTX2AutoBlocks": LTX2,
        "HunyuanVideo15Pipeline": HUNYUAN_TEXT,
        "HunyuanVideo15Blocks": HUNYUAN_TEXT,
        "HunyuanVideo15ImageToVideoPipeline": HUNYUAN_IMAGE,
        "HunyuanVideo15Image2VideoBlocks": HUNYUAN_IMAGE,
        "HunyuanVideo15AutoBlocks": HUNYUAN,
        "WanPipeline": WAN_TEXT,
        "WanBlocks": WAN_TEXT,
        "Wan22Blocks": WAN_TEXT,
        "WanImageToVideoPipeline": WAN_IMAGE,
        "WanImage2VideoAutoBlocks": WAN_IMAGE,
        "Wan22Image2VideoBlocks": WAN_IMAGE,
    }
)
"""What a checkpoint's index calls its pipeline (or, if modular, its blocks) -> its family."""

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
    index = configs["index"]
    kind = str(index.get("_blocks_class_name") or index.get("_class_name"))
    if kind not in FAMILIES:
        raise UnsupportedCheckpoint(
            f"{source} is a {kind}, which filmgate does not run; it runs "
            f"{', '.join(sorted(FAMILIES))}."
        )
    family = _family(FAMILIES[kind], configs, source, folder)
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
    for pattern in COMPONENT_FILES:
        for path in sorted(folder.glob(pattern)):
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


def _family(reference: str, configs: Configs, source: str, folder: Path) -> Family:
    module, _, function = reference.partition(":")
    make: Callable[[Configs], Family] = getattr(importlib.import_module(module), function)
    try:
        return make(configs)
    except KeyError as error:
        missing = folder / str(error.args[0]) / "config.json"
        raise IncompleteCheckpoint(f"{missing} cannot be loaded: it is not there.") from error
    except UnsupportedCheckpoint as error:
        raise UnsupportedCheckpoint(f"{source}: {error}") from error


def _stated(family: Family, folder: Path) -> Family:
    """The family with what the checkpoint's own `filmgate.json` states in its place."""
    path = folder / STATED_FILE
    if not path.is_file():
        return family
    stated: dict[str, Any] = dict(_read(path))
    limits = {name: _tuples(value) for name, value in stated.pop("limits", {}).items()}
    guiders = stated.get("guiders", {})
    unknown = (
        (limits.keys() - ModelLimits.__slots__)
        | (stated.keys() - family.stateable)
        | (guiders.keys() - family.guiders.keys())
    )
    if unknown:
        names = ", ".join(sorted(unknown))
        raise CheckpointError(f"{path} states what this model does not know: {names}.")
    stated["guiders"] = {**family.guiders, **guiders}
    changed = dataclasses.replace(family.limits, **limits)
    try:
        changed.check()
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}.") from error
    return dataclasses.replace(family, limits=changed, **stated)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value
