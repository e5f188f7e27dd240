"""HunyuanVideo's checkpoints tell their kind, size and guidance by their small JSON files."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.checkpoint import Checkpoint, CheckpointError, UnsupportedCheckpoint
from pipelines.registry import open_checkpoint

VAE = {"spatial_compression_ratio": 16, "temporal_compression_ratio": 4}


def opened(folder: Path, kind: str, **files: Any) -> Checkpoint:
    modular = kind.endswith("Blocks")
    index = {"_blocks_class_name" if modular else "_class_name": kind}
    content = {
        "modular_model_index.json" if modular else "model_index.json": index,
        "vae/config.json": VAE,
        "transformer/config.json": files.get("transformer", {}),
        "guider/guider_config.json": files.get("guider", {}),
        "filmgate.json": files.get("stated", {}),
    }
    for name, values in content.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(values))
    return open_checkpoint(str(folder))


@pytest.mark.parametrize(
    ("kind", "task", "name", "image"),
    [
        ("HunyuanVideo15Pipeline", "t2v", "hunyuan-1.5-t2v", "none"),
        ("HunyuanVideo15ImageToVideoPipeline", "i2v", "hunyuan-1.5-i2v", "required"),
        ("HunyuanVideo15AutoBlocks", "t2v", "hunyuan-1.5-t2v", "none"),
        ("HunyuanVideo15AutoBlocks", "i2v", "hunyuan-1.5-i2v", "required"),
    ],
)
def test_kinds_are_told_apart(kind: str, task: str, name: str, image: str, tmp_path: Path) -> None:
    family = opened(tmp_path, kind, transformer={"task_type": task, "target_size": 640}).family
    limits = family.limits
    assert (family.name, limits.image, limits.sound) == (name, image, False)
    assert (limits.sizes[0], limits.max_pixels) == ((848, 480), 848 * 480)
    assert (limits.size_multiple, limits.frame_stride) == (16, 4)
    assert (limits.default_frames, limits.default_fps, limits.default_steps) == (121, 24, 50)
    assert limits.default_guidance == 6.0


def test_a_720p_checkpoint_makes_both_sizes(tmp_path: Path) -> None:
    files = {"transformer": {"target_size": 960}}
    limits = opened(tmp_path, "HunyuanVideo15Pipeline", **files).family.limits
    assert {(1280, 720), (848, 480)} < set(limits.sizes)
    assert limits.max_pixels == 1280 * 720


def test_a_distilled_checkpoint_says_so_in_its_guider(tmp_path: Path) -> None:
    kind = "HunyuanVideo15ImageToVideoPipeline"
    files = {"guider": {"guidance_scale": 1.0}, "transformer": {"use_meanflow": True}}
    limits = opened(tmp_path, kind, **files).family.limits
    assert (limits.default_guidance, limits.default_steps) == (1.0, 12)


def test_a_step_distilled_model_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedCheckpoint, match="step-distilled"):
        opened(tmp_path, "HunyuanVideo15Pipeline", transformer={"use_meanflow": True})


def test_the_length_of_a_prompt_is_not_to_choose(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="max_sequence_length"):
        opened(tmp_path, "HunyuanVideo15Pipeline", stated={"max_sequence_length": 256})
