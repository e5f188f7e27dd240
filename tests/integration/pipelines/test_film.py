"""A film written while it is decoded is the file of decoding first and writing then."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipelines.checkpoint import Checkpoint
from pipelines.handoff import Parcel
from pipelines.media.mux import write_clip
from pipelines.spec import ClipSpec
from pipelines.stages.decode import DecodeStage, Pixels
from pipelines.stages.denoise import DenoiseStage
from pipelines.stages.encode import EncodeStage
from pipelines.stages.film import Film


@pytest.fixture
def decoding(
    opened: Callable[[str], Checkpoint], clip: Callable[..., ClipSpec]
) -> Callable[..., tuple[DecodeStage, ClipSpec, Parcel]]:
    """A stage, and a clip's latents for it."""

    def make(kind: str, **asked: object) -> tuple[DecodeStage, ClipSpec, Parcel]:
        checkpoint, dtype = opened(kind), torch.float32
        spec = clip(checkpoint, steps=2, num_frames=9, **asked)
        conditioning = EncodeStage.load(checkpoint, dtype=dtype).encode(spec)
        denoising = DenoiseStage.load(checkpoint, dtype=dtype).begin(spec, conditioning)
        while denoising.step < denoising.steps:
            denoising.advance()
        return DecodeStage.load(checkpoint, dtype=dtype), spec, denoising.latents()

    return make


def shoot(path: Path, spec: ClipSpec, stage: Any, latents: Parcel) -> Pixels:
    """The whole film; its frames."""
    with Film(path, spec) as film:
        video = film.expose(stage, latents)
        film.finish()
        return video


def film_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("film")]


@pytest.mark.parametrize("kind", ["ltx2", "wan-2.1-t2v", "wan-2.2-t2v"])
@pytest.mark.parametrize("side_by_side", [False, True])
def test_the_file_is_the_same_to_the_byte(
    kind: str,
    side_by_side: bool,
    decoding: Callable[..., tuple[DecodeStage, ClipSpec, Parcel]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage, spec, latents = decoding(kind)
    footage = stage.decode(spec, latents)
    expected = tmp_path / "expected.mp4"
    write_clip(expected, footage.video, footage.fps, footage.audio, footage.sample_rate)
    monkeypatch.setattr(DecodeStage, "side_by_side", side_by_side)
    video = shoot(tmp_path / "film.mp4", spec, stage, latents)
    assert np.array_equal(video, footage.video)
    assert (tmp_path / "film.mp4").read_bytes() == expected.read_bytes()
    assert film_threads() == []


@pytest.mark.parametrize(("kind", "frames"), [("ltx2", [9]), ("wan-2.1-t2v", [1, 4, 4])])
def test_frames_are_handed_over_as_the_vae_decodes_them(
    kind: str, frames: list[int], decoding: Callable[..., tuple[DecodeStage, ClipSpec, Parcel]]
) -> None:
    stage, spec, latents = decoding(kind)
    parts: list[Pixels] = []
    video = stage.decode_video(spec, latents, parts.append)
    assert [len(part) for part in parts] == frames
    assert np.array_equal(np.concatenate(parts), video)
    assert np.array_equal(stage.decode_video(spec, latents), video)


def test_tiles_are_not_taken_for_frames(
    decoding: Callable[..., tuple[DecodeStage, ClipSpec, Parcel]],
) -> None:
    stage, spec, latents = decoding("wan-2.1-t2v")
    stage._video.vae.enable_tiling(16, 16, 12, 12)
    parts: list[Pixels] = []
    video = stage.decode_video(spec, latents, parts.append, tiled=True)
    assert [part.shape for part in parts] == [video.shape]


def test_a_silent_spec_has_no_sound(
    decoding: Callable[..., tuple[DecodeStage, ClipSpec, Parcel]], tmp_path: Path
) -> None:
    stage, spec, latents = decoding("ltx2", sound=False)
    video = shoot(tmp_path / "film.mp4", spec, stage, latents)
    write_clip(tmp_path / "silent.mp4", video, spec.fps)
    assert (tmp_path / "film.mp4").read_bytes() == (tmp_path / "silent.mp4").read_bytes()


@pytest.mark.parametrize("broken", ["decode_video", "decode_audio"])
@pytest.mark.parametrize("side_by_side", [False, True])
def test_what_breaks_is_raised_and_leaves_neither_file_nor_thread(
    broken: str,
    side_by_side: bool,
    decoding: Callable[..., tuple[DecodeStage, ClipSpec, Parcel]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage, spec, latents = decoding("ltx2")

    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError("out of it")

    monkeypatch.setattr(stage, broken, fail)
    monkeypatch.setattr(DecodeStage, "side_by_side", side_by_side)
    path = tmp_path / "film.mp4"
    with pytest.raises(MemoryError, match="out of it"):
        shoot(path, spec, stage, latents)
    assert film_threads() == []
    assert not path.exists()


def test_an_interrupted_film_leaves_no_file(
    decoding: Callable[..., tuple[DecodeStage, ClipSpec, Parcel]], tmp_path: Path
) -> None:
    stage, spec, latents = decoding("wan-2.1-t2v")
    path = tmp_path / "film.mp4"

    def cut_short(part: Pixels) -> None:
        raise InterruptedError

    decode = stage.decode_video
    cut = _Cut(stage, lambda spec, latents, hand_over, **_: decode(spec, latents, cut_short))
    with pytest.raises(InterruptedError):
        shoot(path, spec, cut, latents)
    assert film_threads() == []
    assert not path.exists()


def test_one_that_is_given_up_after_decoding_leaves_no_file(
    decoding: Callable[..., tuple[DecodeStage, ClipSpec, Parcel]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when its job is cancelled while the file is still being written."""
    stage, spec, latents = decoding("wan-2.1-t2v")
    film = Film(tmp_path / "film.mp4", spec)

    def slowly(path: Path, frames: Any, *_: Any) -> int:
        while not film._given_up:
            time.sleep(0.001)
        return write_clip(path, frames, spec.fps)

    monkeypatch.setattr("pipelines.stages.film.write_clip", slowly)

    def give_up() -> None:
        with film:
            film.expose(stage, latents)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        give_up()
    assert film_threads() == []
    assert not (tmp_path / "film.mp4").exists()


class _Cut:
    """The stage with another way to decode the picture."""

    side_by_side = False

    def __init__(self, stage: DecodeStage, decode_video: Callable[..., Pixels]) -> None:
        self.decode_video, self.decode_audio = decode_video, stage.decode_audio
