"""Each stage loads its own components, and nothing else need be there."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.checkpoint import Checkpoint, IncompleteCheckpoint
from pipelines.handoff import Parcel
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage, Footage
from pipelines.stages.denoise import DenoiseStage
from pipelines.stages.encode import EncodeStage

# What each stage reads, beside the small JSON files.
STAGE_FOLDERS = {
    ("ltx2", "encode"): {"text_encoder", "tokenizer", "connectors", "vae"},
    ("ltx2", "denoise"): {"transformer", "scheduler"},
    ("ltx2", "decode"): {"vae", "audio_vae", "vocoder"},
    ("hunyuan-1.5-t2v", "encode"): {
        "text_encoder",
        "tokenizer",
        "text_encoder_2",
        "tokenizer_2",
    },
    ("hunyuan-1.5-i2v", "encode"): {
        "text_encoder",
        "tokenizer",
        "text_encoder_2",
        "tokenizer_2",
        "image_encoder",
        "feature_extractor",
        "vae",
    },
    ("hunyuan-1.5-i2v", "denoise"): {"transformer", "scheduler"},
    ("hunyuan-1.5-i2v", "decode"): {"vae"},
    ("wan-2.1-i2v", "encode"): {
        "text_encoder",
        "tokenizer",
        "image_encoder",
        "image_processor",
        "vae",
    },
    ("wan-2.2-i2v", "encode"): {"text_encoder", "tokenizer", "vae"},
    ("wan-2.2-t2v", "encode"): {"text_encoder", "tokenizer"},
    ("wan-2.2-t2v", "denoise"): {"transformer", "transformer_2", "scheduler"},
    ("wan-2.1-t2v", "denoise"): {"transformer", "scheduler"},
    ("wan-2.1-t2v", "decode"): {"vae"},
}
STAGES: dict[str, Any] = {"encode": EncodeStage, "denoise": DenoiseStage, "decode": DecodeStage}


def run_all(checkpoint: Checkpoint, spec: ClipSpec, dtype: torch.dtype) -> tuple[Parcel, Footage]:
    conditioning = EncodeStage.load(checkpoint, dtype=dtype).encode(
        spec, Image.linear_gradient("L").convert("RGB") if spec.has_image else None
    )
    denoising = DenoiseStage.load(checkpoint, dtype=dtype).begin(spec, conditioning)
    while denoising.step < denoising.steps:
        denoising.advance()
    latents = denoising.latents()
    return latents, DecodeStage.load(checkpoint, dtype=dtype).decode(spec, latents)


@pytest.mark.parametrize(("kind", "stage"), STAGE_FOLDERS)
def test_a_stage_loads_where_the_other_components_are_missing(
    kind: str, stage: str, folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    kept = STAGE_FOLDERS[kind, stage]
    shutil.copytree(folder_of(kind), tmp_path / "part")
    for folder in (tmp_path / "part").iterdir():
        if folder.is_dir() and folder.name not in kept:
            if stage == "denoise" and folder.name in {"vae", "audio_vae"}:
                (folder / "diffusion_pytorch_model.safetensors").unlink()
            else:
                shutil.rmtree(folder)
    STAGES[stage].load(open_checkpoint(str(tmp_path / "part")), dtype=torch.float32)


@pytest.mark.parametrize(("kind", "stage"), STAGE_FOLDERS)
def test_a_missing_component_is_named(
    kind: str, stage: str, folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    for name in STAGE_FOLDERS[kind, stage]:
        part = tmp_path / name
        shutil.copytree(folder_of(kind), part)
        shutil.rmtree(part / name)
        with pytest.raises(IncompleteCheckpoint, match=str(part / name)):
            STAGES[stage].load(open_checkpoint(str(part)), dtype=torch.float32)


def test_the_encoder_encodes_in_a_folder_without_a_transformer(
    folder_of: Callable[[str], Path],
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    tmp_path: Path,
) -> None:
    shutil.copytree(folder_of("ltx2"), tmp_path / "part")
    shutil.rmtree(tmp_path / "part" / "transformer")
    part, whole = open_checkpoint(str(tmp_path / "part")), opened("ltx2")
    spec = clip(part)
    here = EncodeStage.load(part, dtype=torch.float32).encode(spec)
    there = EncodeStage.load(whole, dtype=torch.float32).encode(spec)
    assert here.pack() == there.pack()


def test_wan_keeps_some_layers_in_float32(opened: Callable[[str], Checkpoint]) -> None:
    """The time embedding and norms lose too much in bfloat16; so does the whole VAE."""
    stage = DenoiseStage.load(opened("wan-2.2-t2v"), dtype=torch.bfloat16)
    for transformer in (
        stage._denoiser.pipeline.transformer,
        stage._denoiser.pipeline.transformer_2,
    ):
        assert transformer.condition_embedder.time_embedder.linear_1.weight.dtype == torch.float32
        assert transformer.scale_shift_table.dtype == torch.float32
        assert transformer.blocks[0].attn1.to_q.weight.dtype == torch.bfloat16
    decode = DecodeStage.load(opened("wan-2.2-t2v"), dtype=torch.bfloat16)
    assert decode._video.vae.dtype == torch.float32


@pytest.mark.parametrize(
    ("kind", "has_image"),
    [("ltx2", True), ("hunyuan-1.5-i2v", True), ("wan-2.1-i2v", True), ("wan-2.2-t2v", False)],
)
def test_bfloat16_stays_near_float32(
    kind: str,
    has_image: bool,
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
) -> None:
    checkpoint = opened(kind)
    spec = clip(checkpoint, has_image=has_image)
    exact, _ = run_all(checkpoint, spec, torch.float32)
    rounded, footage = run_all(checkpoint, spec, torch.bfloat16)
    # The library keeps HunyuanVideo's latents in the transformer's dtype.
    kept = torch.bfloat16 if kind.startswith("hunyuan") else torch.float32
    assert rounded.tensors["latents"].dtype == kept
    near = exact.tensors["latents"], rounded.tensors["latents"].float()
    assert torch.allclose(*near, atol=0.3)
    assert not torch.equal(*near)
    assert footage.video.dtype == np.uint8
    assert footage.audio is None or footage.audio.dtype == np.float32


def test_a_float32_conditioning_suits_a_bfloat16_denoiser(
    opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]
) -> None:
    for kind in ("ltx2", "hunyuan-1.5-t2v", "wan-2.1-t2v"):
        checkpoint = opened(kind)
        spec = clip(checkpoint, steps=1)
        conditioning = EncodeStage.load(checkpoint, dtype=torch.float32).encode(spec)
        denoising = DenoiseStage.load(checkpoint, dtype=torch.bfloat16).begin(spec, conditioning)
        denoising.advance()
        assert denoising.latents().tensors["latents"].isfinite().all()


@pytest.mark.parametrize("kind", ["ltx2", "hunyuan-1.5-t2v", "wan-2.1-t2v", "wan-2.2-t2v"])
def test_guidance_one_makes_a_clip(
    kind: str, opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]
) -> None:
    _, footage = run_all(opened(kind), clip(opened(kind), guidance_scale=1.0), torch.float32)
    assert footage.video.std() > 1


def test_both_transformers_of_wan_2_2_take_part(
    opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]
) -> None:
    checkpoint = opened("wan-2.2-t2v")
    spec = clip(checkpoint)
    stage = DenoiseStage.load(checkpoint, dtype=torch.float32)
    ran: list[str] = []
    for name in ("transformer", "transformer_2"):
        getattr(stage._denoiser.pipeline, name).register_forward_hook(
            lambda *_, name=name: ran.append(name)
        )
    denoising = stage.begin(spec, EncodeStage.load(checkpoint, dtype=torch.float32).encode(spec))
    while denoising.step < denoising.steps:
        denoising.advance()
    assert ran == sorted(ran)
    assert set(ran) == {"transformer", "transformer_2"}
    assert len(ran) == 2 * spec.steps


def test_without_sound_no_waveform_is_decoded(
    opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]
) -> None:
    spec = clip(opened("ltx2"), sound=False)
    _, footage = run_all(opened("ltx2"), spec, torch.float32)
    assert footage.audio is None
    assert footage.sample_rate is None


def test_sound_lasts_as_long_as_the_picture(
    opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]
) -> None:
    spec = clip(opened("ltx2"))
    _, footage = run_all(opened("ltx2"), spec, torch.float32)
    assert footage.audio is not None
    assert footage.sample_rate is not None
    assert abs(footage.audio.shape[1] / footage.sample_rate - spec.seconds) < 1 / spec.fps


def test_a_picture_is_asked_for_by_the_spec(
    opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec], picture: Image.Image
) -> None:
    stage = EncodeStage.load(opened("ltx2"), dtype=torch.float32)
    with pytest.raises(ValueError, match="picture"):
        stage.encode(clip(opened("ltx2")), picture)


def test_a_job_cannot_go_past_its_last_step(
    opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]
) -> None:
    checkpoint = opened("wan-2.1-t2v")
    spec = clip(checkpoint, steps=1)
    conditioning = EncodeStage.load(checkpoint, dtype=torch.float32).encode(spec)
    denoising = DenoiseStage.load(checkpoint, dtype=torch.float32).begin(spec, conditioning)
    with pytest.raises(ValueError, match="0 of 1"):
        denoising.latents()
    denoising.advance()
    with pytest.raises(IndexError):
        denoising.advance()


@pytest.mark.parametrize("kind", ["ltx2", "wan-2.2-i2v"])
def test_a_modular_repository_works_like_a_classic_one(
    kind: str,
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    tmp_path: Path,
) -> None:
    classic = opened(kind)
    pipeline = getattr(diffusers, classic.family.blocks)().init_pipeline(classic.source.name)
    pipeline.load_components()
    pipeline.save_pretrained(str(tmp_path), overwrite_modular_index=True)
    shutil.copy(Path(classic.source.name) / "filmgate.json", tmp_path)
    assert not (tmp_path / "model_index.json").exists()
    modular = open_checkpoint(str(tmp_path))
    assert modular.family == classic.family
    spec = clip(classic, has_image=kind.endswith("i2v"))
    expected, _ = run_all(classic, spec, torch.float32)
    found, _ = run_all(modular, spec, torch.float32)
    assert torch.equal(found.tensors["latents"], expected.tensors["latents"])
