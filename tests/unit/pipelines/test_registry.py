"""A folder's small JSON files say what it is, what it can do, and why it is refused."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.checkpoint import CheckpointError, IncompleteCheckpoint, UnsupportedCheckpoint
from pipelines.registry import open_checkpoint

LTX2 = {
    "model_index.json": {"_class_name": "LTX2Pipeline"},
    "vae/config.json": {"spatial_compression_ratio": 32, "temporal_compression_ratio": 8},
    "transformer/config.json": {"patch_size": 1, "num_layers": 48, "perturbed_attn": True},
}
WAN_VAE = {"z_dim": 16, "temperal_downsample": [False, True, True]}
WAN_14B = {"patch_size": [1, 2, 2], "num_attention_heads": 40}


def wan(class_name: str = "WanPipeline", **index: Any) -> dict[str, Any]:
    return {
        "model_index.json": {"_class_name": class_name, **index},
        "vae/config.json": WAN_VAE,
        "transformer/config.json": WAN_14B,
    }


def write(folder: Path, files: dict[str, Any]) -> str:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(folder)


def test_ltx2_makes_pictures_with_sound(tmp_path: Path) -> None:
    family = open_checkpoint(write(tmp_path, LTX2)).family
    limits = family.limits
    assert family.name == "ltx2"
    assert (limits.size_multiple, limits.frame_stride) == (32, 8)
    assert limits.sizes[0] == (768, 512)
    assert (limits.default_frames, limits.default_fps, limits.default_steps) == (121, 24, 30)
    assert limits.default_guidance == 3.0
    assert (limits.image, limits.sound) == ("optional", True)
    assert family.guiders["guider"]["spatio_temporal_guidance_blocks"] == [28]
    assert "guidance_scale" not in family.guiders["guider"]
    assert family.guiders["audio_guider"]["guidance_scale"] == 7.0


def test_ltx2_without_perturbed_attention_spends_no_pass_on_it(tmp_path: Path) -> None:
    files = {**LTX2, "transformer/config.json": {"num_layers": 48}}
    guiders = open_checkpoint(write(tmp_path, files)).family.guiders
    assert all("stg_scale" not in options for options in guiders.values())


@pytest.mark.parametrize(
    ("files", "name", "image", "steps"),
    [
        (wan(), "wan-2.1-t2v", "none", 50),
        (wan(boundary_ratio=0.875), "wan-2.2-t2v", "none", 40),
        (wan("WanImageToVideoPipeline"), "wan-2.1-i2v", "required", 50),
        (wan("WanImageToVideoPipeline", boundary_ratio=0.9), "wan-2.2-i2v", "required", 40),
    ],
)
def test_each_kind_of_wan_is_told_apart(
    files: dict[str, Any], name: str, image: str, steps: int, tmp_path: Path
) -> None:
    family = open_checkpoint(write(tmp_path, files)).family
    limits = family.limits
    assert family.name == name
    assert (limits.size_multiple, limits.frame_stride) == (16, 4)
    assert (limits.sizes[0], limits.default_frames) == ((832, 480), 81)
    assert (limits.min_fps, limits.default_fps, limits.max_fps) == (16, 16, 16)
    assert (limits.image, limits.sound, limits.default_steps) == (image, False, steps)
    assert limits.default_guidance == 5.0
    assert (1280, 720) in limits.sizes


def test_the_small_wan_stops_at_480p(tmp_path: Path) -> None:
    files = {**wan(), "transformer/config.json": {**WAN_14B, "num_attention_heads": 12}}
    limits = open_checkpoint(write(tmp_path, files)).family.limits
    assert limits.sizes == ((832, 480), (480, 832))
    assert limits.max_pixels == 832 * 480


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (wan(expand_timesteps=True), "Wan 2.2 TI2V-5B"),
        ({**wan(), "vae/config.json": {**WAN_VAE, "z_dim": 48}}, "Wan 2.2 TI2V-5B"),
        (
            {
                **wan("WanImageToVideoPipeline"),
                "transformer/config.json": {**WAN_14B, "pos_embed_seq_len": 514},
            },
            "FLF2V",
        ),
        (
            {"model_index.json": {"_class_name": "FluxPipeline"}},
            "is a FluxPipeline.*it runs .*LTX2",
        ),
        ({"model_index.json": {"_class_name": "WanVACEPipeline"}}, "is a WanVACEPipeline"),
        (
            {
                **LTX2,
                "model_index.json": {
                    "_class_name": "LTX2Pipeline",
                    "diffusion_decoder": ["diffusers", "LTX2VideoDiffusionDecoderModel"],
                },
            },
            "LTX-2.5",
        ),
        (
            {
                "modular_model_index.json": {
                    "_class_name": "LTX25ModularPipeline",
                    "_blocks_class_name": "LTX25AutoBlocks",
                }
            },
            "is a LTX25AutoBlocks",
        ),
        ({"config.json": {}}, "no model_index.json: name a checkpoint in diffusers format"),
    ],
)
def test_unsupported_models_are_refused_by_name(
    files: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedCheckpoint, match=message):
        open_checkpoint(write(tmp_path, files))


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedCheckpoint, match="neither a folder nor a hub id"):
        open_checkpoint(str(tmp_path / "nothing"))


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(UnsupportedCheckpoint, match="neither a folder nor"):
        open_checkpoint(str(tmp_path / "model.safetensors"))


def test_a_needed_config_that_is_missing_is_named(tmp_path: Path) -> None:
    files = {"model_index.json": LTX2["model_index.json"]}
    with pytest.raises(IncompleteCheckpoint, match=r"vae/config\.json"):
        open_checkpoint(write(tmp_path, files))


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_damaged_json_is_named(content: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"model_index\.json"):
        open_checkpoint(write(tmp_path, {"model_index.json": content}))


def test_a_checkpoint_states_its_own_limits(tmp_path: Path) -> None:
    stated = {
        "limits": {"sizes": [[96, 96]], "size_multiple": 24, "default_steps": 12},
        "max_sequence_length": 32,
        "guiders": {"audio_guider": {}},
        "encode_options": {"image_crf": 0},
    }
    family = open_checkpoint(write(tmp_path, {**LTX2, "filmgate.json": stated})).family
    assert family.limits.sizes == ((96, 96),)
    assert (family.limits.default_steps, family.limits.default_frames) == (12, 121)
    assert family.max_sequence_length == 32
    assert family.guiders["audio_guider"] == {}
    assert family.guiders["guider"]["modality_scale"] == 3.0
    assert family.encode_options == {"image_crf": 0}


@pytest.mark.parametrize(
    ("files", "stated", "message"),
    [
        (LTX2, {"limit": {}}, "does not know: limit"),
        (LTX2, {"limits": {"size": [[96, 96]]}}, "does not know: size"),
        (wan(), {"guiders": {"audio_guider": {}}}, "does not know: audio_guider"),
        (LTX2, {"limits": {"sizes": [[100, 96]]}}, "divisible by 32"),
        (LTX2, {"limits": {"default_frames": 120}}, "8 times a number, plus 1"),
        (LTX2, {"limits": {"max_frames": 240}}, "max_frames must be 8 times a number, plus 1"),
        (
            wan("WanImageToVideoPipeline"),
            {"max_sequence_length": 256},
            "does not know: max_sequence_length",
        ),
    ],
)
def test_what_cannot_be_stated_is_refused(
    files: dict[str, Any], stated: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=message):
        open_checkpoint(write(tmp_path, {**files, "filmgate.json": stated}))


def test_opening_needs_no_torch(tmp_path: Path) -> None:
    """Gateways open checkpoints too, and must stay small."""
    program = (
        "import sys; from pipelines.registry import open_checkpoint;"
        "open_checkpoint(sys.argv[1]);"
        "sys.exit('torch' in sys.modules or 'diffusers' in sys.modules)"
    )
    command = [sys.executable, "-c", program, write(tmp_path, LTX2)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[3])
