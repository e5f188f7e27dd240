"""The checkpoint of a fresh install: put in its place once, the same everywhere, and watchable."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.embedded.place import ensure_embedded
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipRequest, resolve
from pipelines.stages.decode import DecodeStage, Footage
from pipelines.stages.denoise import DenoiseStage
from pipelines.stages.encode import EncodeStage

TRANSFORMER = ("transformer", "scheduler")


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return open_checkpoint(str(ensure_embedded(tmp_path_factory.mktemp("data") / "embedded")))


def make(checkpoint: Checkpoint, prompt: str, picture: Image.Image | None = None) -> Footage:
    request = ClipRequest(prompt=prompt, steps=2, has_image=picture is not None)
    spec = resolve(request, checkpoint.family.limits, fresh_seed=1)
    conditioning = EncodeStage.load(checkpoint, dtype=torch.float32).encode(spec, picture)
    denoising = DenoiseStage.load(checkpoint, dtype=torch.float32).begin(spec, conditioning)
    while denoising.step < denoising.steps:
        denoising.advance()
    return DecodeStage.load(checkpoint, dtype=torch.float32).decode(spec, denoising.latents())


def test_processes_that_start_together_build_it_once(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "embedded"
    program = (
        "import sys; from pathlib import Path;"
        "from pipelines.embedded.place import ensure_embedded;"
        "folder = ensure_embedded(Path(sys.argv[1]));"
        "print((folder / 'model_index.json').stat().st_ino)"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(folder)],
            cwd=Path(__file__).parents[3],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    seen = {process.communicate()[0] for process in running}
    assert [process.returncode for process in running] == [0, 0]
    assert seen == {f"{(folder / 'model_index.json').stat().st_ino}\n"}
    assert sorted(p.name for p in folder.parent.iterdir()) == [".embedded.lock", "embedded"]


def test_a_build_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path, seed: int) -> None:
        (folder / "model_index.json").touch()
        raise OSError("disk full")

    monkeypatch.setattr("pipelines.embedded.untrained.build", fail)
    with pytest.raises(OSError, match="disk full"):
        ensure_embedded(tmp_path / "embedded")
    assert [p.name for p in tmp_path.iterdir()] == [".embedded.lock"]


def test_the_same_seed_gives_the_same_weights(embedded: Checkpoint, tmp_path: Path) -> None:
    again = open_checkpoint(str(ensure_embedded(tmp_path / "again")))
    other = open_checkpoint(str(ensure_embedded(tmp_path / "other", seed=1)))
    assert again.fingerprint(TRANSFORMER) == embedded.fingerprint(TRANSFORMER)
    assert other.fingerprint(TRANSFORMER) != embedded.fingerprint(TRANSFORMER)


def test_its_clip_has_colours_and_sound(embedded: Checkpoint) -> None:
    footage = make(embedded, "a red ball")
    assert footage.video.shape == (17, 96, 96, 3)
    assert footage.video.std(axis=(0, 1, 2)).min() > 20
    assert footage.fps == 8
    assert footage.audio is not None
    assert footage.audio.shape[0] == 2
    swing = footage.audio - footage.audio.mean(axis=1, keepdims=True)
    assert 0.01 < swing.std() < 0.5
    assert np.abs(footage.audio).max() < 1


def test_every_prompt_and_picture_gives_another_clip(embedded: Checkpoint) -> None:
    picture = Image.linear_gradient("L").convert("RGB")
    clips = [
        make(embedded, "a red ball"),
        make(embedded, "a red bell"),
        make(embedded, "빨간 공"),
        make(embedded, "a red ball", picture),
    ]
    assert len({clip.video.tobytes() for clip in clips}) == len(clips)
