"""A job that is interrupted and resumed elsewhere gives the very clip of no interruption."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.handoff import Parcel, unpack
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipSpec
from pipelines.stages.denoise import DenoiseStage, Denoising, StaleCheckpoint
from pipelines.stages.encode import EncodeStage

WORKFLOWS = [
    ("ltx2", False),
    ("ltx2", True),
    ("hunyuan-1.5-t2v", False),
    ("hunyuan-1.5-i2v", True),
    ("hunyuan-1.5-meanflow", True),
    ("wan-2.1-t2v", False),
    ("wan-2.1-i2v", True),
    ("wan-2.2-t2v", False),
    ("wan-2.2-i2v", True),
]
STEPS = 6
INTERRUPTED_AT = (1, 4)
CLIP = {"guidance_scale": 3.0, "steps": STEPS}


def finish(denoising: Denoising) -> Parcel:
    while denoising.step < denoising.steps:
        denoising.advance()
    return denoising.latents()


def assert_equal(one: Parcel, other: Parcel) -> None:
    assert one.tensors.keys() == other.tensors.keys()
    assert one.values == other.values
    for name, tensor in one.tensors.items():
        assert torch.equal(tensor, other.tensors[name]), name


def resume_all(folder: Path) -> None:
    """What the other process does: resume every checkpoint file in `folder` and finish it."""
    torch.set_num_threads(1)
    for path in sorted(folder.glob("*.checkpoint")):
        parcel = unpack(path.read_bytes(), "checkpoint")
        job = json.loads((folder / f"{path.stem.partition('@')[0]}.job").read_text())
        stage = DenoiseStage.load(open_checkpoint(job["source"]), dtype=torch.float32)
        spec = ClipSpec(**job["spec"])
        path.with_suffix(".latents").write_bytes(finish(stage.resume(spec, parcel)).pack())


def test_resume_in_another_process_is_bit_identical(
    opened: Callable[[str], Checkpoint],
    clip: Callable[..., ClipSpec],
    picture: Image.Image,
    tmp_path: Path,
) -> None:
    uninterrupted = {}
    for kind, has_image in WORKFLOWS:
        checkpoint, name = opened(kind), f"{kind}-{has_image}"
        spec = clip(checkpoint, has_image=has_image, **CLIP)
        encode = EncodeStage.load(checkpoint, dtype=torch.float32)
        conditioning = encode.encode(spec, picture if has_image else None)
        stage = DenoiseStage.load(checkpoint, dtype=torch.float32)
        denoising = stage.begin(spec, conditioning)
        while denoising.step < denoising.steps:
            denoising.advance()
            if denoising.step in INTERRUPTED_AT:
                packed = denoising.checkpoint().pack()
                (tmp_path / f"{name}@{denoising.step}.checkpoint").write_bytes(packed)
        job = {"source": checkpoint.source.name, "spec": asdict(spec)}
        (tmp_path / f"{name}.job").write_text(json.dumps(job))
        uninterrupted[name] = denoising.latents()

    command = [sys.executable, "-m", "tests.integration.pipelines.test_resume", str(tmp_path)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[3])

    for name, expected in uninterrupted.items():
        for step in INTERRUPTED_AT:
            blob = (tmp_path / f"{name}@{step}.latents").read_bytes()
            assert_equal(unpack(blob, "latents"), expected)


@pytest.fixture
def stage_and_spec(
    opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]
) -> tuple[DenoiseStage, ClipSpec, Parcel]:
    checkpoint = opened("wan-2.1-t2v")
    spec = clip(checkpoint, **CLIP)
    conditioning = EncodeStage.load(checkpoint, dtype=torch.float32).encode(spec)
    return DenoiseStage.load(checkpoint, dtype=torch.float32), spec, conditioning


def test_a_later_step_does_not_change_a_checkpoint_taken_before(
    stage_and_spec: tuple[DenoiseStage, ClipSpec, Parcel],
) -> None:
    """Checkpoints are packed in the background, while the next step runs."""
    stage, spec, conditioning = stage_and_spec
    denoising = stage.begin(spec, conditioning)
    denoising.advance()
    denoising.advance()
    parcel = denoising.checkpoint()
    at_once = parcel.pack()
    expected = finish(denoising)
    assert parcel.pack() == at_once
    assert_equal(finish(stage.resume(spec, parcel)), expected)


@pytest.mark.parametrize("kind", ["ltx2", "wan-2.1-t2v"])
def test_resuming_in_bfloat16_is_bit_identical(
    kind: str, opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]
) -> None:
    """Rounding is coarse there: products of the same numbers must be taken in the same order."""
    checkpoint, dtype = opened(kind), torch.bfloat16
    spec = clip(checkpoint, **CLIP)
    stage = DenoiseStage.load(checkpoint, dtype=dtype)
    denoising = stage.begin(spec, EncodeStage.load(checkpoint, dtype=dtype).encode(spec))
    denoising.advance()
    stored = denoising.checkpoint().pack()
    resumed = stage.resume(spec, unpack(stored, "checkpoint"))
    assert_equal(finish(resumed), finish(denoising))


def test_two_jobs_on_one_stage_do_not_disturb_each_other(
    stage_and_spec: tuple[DenoiseStage, ClipSpec, Parcel],
) -> None:
    stage, spec, conditioning = stage_and_spec
    other = replace(spec, seed=8, guidance_scale=1.0, steps=3)
    alone = finish(stage.begin(spec, conditioning)), finish(stage.begin(other, conditioning))
    first, second = stage.begin(spec, conditioning), stage.begin(other, conditioning)
    for _ in range(3):
        first.advance()
        second.advance()
    assert_equal(finish(second), alone[1])
    assert_equal(finish(first), alone[0])
    assert not torch.equal(alone[0].tensors["latents"], alone[1].tensors["latents"])


def test_a_checkpoint_does_not_hold_the_prompt(
    stage_and_spec: tuple[DenoiseStage, ClipSpec, Parcel],
) -> None:
    stage, spec, conditioning = stage_and_spec
    assert spec.prompt.encode() not in stage.begin(spec, conditioning).checkpoint().pack()


def test_a_checkpoint_of_another_clip_is_refused(
    stage_and_spec: tuple[DenoiseStage, ClipSpec, Parcel],
) -> None:
    stage, spec, conditioning = stage_and_spec
    parcel = stage.begin(spec, conditioning).checkpoint()
    with pytest.raises(StaleCheckpoint, match="another clip: prompt, seed"):
        stage.resume(replace(spec, seed=8, prompt="a cat"), parcel)


def test_a_checkpoint_of_retrained_weights_is_refused(
    stage_and_spec: tuple[DenoiseStage, ClipSpec, Parcel],
    folder_of: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    stage, spec, conditioning = stage_and_spec
    parcel = stage.begin(spec, conditioning).checkpoint()
    retrained = tmp_path / "retrained"
    shutil.copytree(folder_of("wan-2.1-t2v"), retrained)
    weights = retrained / "transformer" / "diffusion_pytorch_model.safetensors"
    blob = bytearray(weights.read_bytes())
    blob[-1] ^= 1
    weights.write_bytes(blob)
    other = DenoiseStage.load(open_checkpoint(str(retrained)), dtype=torch.float32)
    with pytest.raises(StaleCheckpoint, match="model or library: fingerprint"):
        other.resume(spec, parcel)


def test_a_checkpoint_of_another_library_version_is_refused(
    stage_and_spec: tuple[DenoiseStage, ClipSpec, Parcel],
) -> None:
    stage, spec, conditioning = stage_and_spec
    parcel = stage.begin(spec, conditioning).checkpoint()
    identity = {**parcel.values["identity"], "diffusers": "0.1.0"}
    older = replace(parcel, values={**parcel.values, "identity": identity})
    with pytest.raises(StaleCheckpoint, match="diffusers"):
        stage.resume(spec, older)


if __name__ == "__main__":
    resume_all(Path(sys.argv[1]))
