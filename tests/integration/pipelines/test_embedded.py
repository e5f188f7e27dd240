"""The checkpoint of a fresh install, through filmgate's own stages: true limits, true content."""

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.embedded import scene as scenes
from pipelines.embedded.checkpoint import load_pipeline
from pipelines.embedded.clip_file import Footage
from pipelines.embedded.generate import generate
from pipelines.embedded.judge import Verdict, judge
from pipelines.embedded.measure import psnr
from pipelines.embedded.place import WEIGHTS
from pipelines.embedded.scene import Frame, Scene
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipRequest, SpecError, resolve
from pipelines.stages.decode import DecodeStage
from pipelines.stages.decode import Footage as Film
from pipelines.stages.denoise import DenoiseStage
from pipelines.stages.encode import EncodeStage

PROMPT = "a red ball moves left on a white background, a high beep"


@pytest.fixture(scope="module")
def embedded() -> Checkpoint:
    return open_checkpoint(str(WEIGHTS))


def make(checkpoint: Checkpoint, prompt: str, picture: Image.Image | None = None) -> Film:
    request = ClipRequest(prompt=prompt, has_image=picture is not None)
    spec = resolve(request, checkpoint.family.limits, fresh_seed=1)
    conditioning = EncodeStage.load(checkpoint, dtype=torch.float32).encode(spec, picture)
    denoising = DenoiseStage.load(checkpoint, dtype=torch.float32).begin(spec, conditioning)
    while denoising.step < denoising.steps:
        denoising.advance()
    return DecodeStage.load(checkpoint, dtype=torch.float32).decode(spec, denoising.latents())


def seen(film: Film) -> Verdict:
    assert film.audio is not None
    assert film.sample_rate is not None
    return judge(Footage(film.video, film.fps, film.audio.mean(axis=0), film.sample_rate))


def test_the_stages_make_the_clip_that_diffusers_makes_alone(embedded: Checkpoint) -> None:
    film = make(embedded, PROMPT)
    pipeline = load_pipeline()
    pipeline.set_progress_bar_config(disable=True)
    alone = generate(pipeline, [PROMPT], [1], Frame())[0]
    assert psnr(film.video, alone.frames) > 50


def test_a_clip_shows_and_sounds_like_its_prompt(embedded: Checkpoint) -> None:
    verdict = seen(make(embedded, PROMPT))
    assert (verdict.colour, verdict.background) == ("red", "white")
    assert verdict.sound == "beep"


def test_a_first_frame_is_the_first_frame(embedded: Checkpoint) -> None:
    scene = Scene("square", "yellow", "purple", "down", "hum")
    pixels = (scenes.render(scene, Frame())[0] * 255 + 0.5).astype(np.uint8)
    prompt = "노란 사각형이 보라 배경에서 아래로 움직인다, 낮은 웅웅 소리"
    film = make(embedded, prompt, Image.fromarray(pixels))
    assert psnr(film.video[0], pixels) > 20
    verdict = seen(film)
    assert (verdict.colour, verdict.last_colour) == ("yellow", "yellow")
    assert (verdict.background, verdict.sound) == ("purple", "hum")


@pytest.mark.parametrize(
    ("asked", "param", "way_out"),
    [
        ({"width": 768, "height": 512}, "size", "use 96x96"),
        ({"width": 96, "height": 192}, "size", "use 96x96"),
        ({"num_frames": 33}, "num_frames", "this model makes 17 frames"),
        ({"seconds": 4.0}, "seconds", "this model makes 2.125 seconds"),
        ({"seconds": 1.0}, "seconds", "this model makes 2.125 seconds"),
    ],
)
def test_what_it_was_not_trained_for_is_refused_by_name(
    embedded: Checkpoint, asked: dict[str, float], param: str, way_out: str
) -> None:
    with pytest.raises(SpecError, match=way_out) as caught:
        resolve(ClipRequest(prompt="x", **asked), embedded.family.limits, fresh_seed=1)  # type: ignore[arg-type]
    assert caught.value.param == param


@pytest.mark.parametrize("asked", [{}, {"seconds": 2.0}, {"num_frames": 16}, {"num_frames": 17}])
def test_two_seconds_are_seventeen_frames(embedded: Checkpoint, asked: dict[str, float]) -> None:
    request = ClipRequest(prompt="x", **asked)  # type: ignore[arg-type]
    assert resolve(request, embedded.family.limits, fresh_seed=1).num_frames == 17
