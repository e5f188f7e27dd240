"""The committed weights: small enough, complete, and true to what is asked."""

from pathlib import Path

import numpy as np
import pytest
from diffusers import LTX2AutoBlocks, ModularPipeline
from PIL import Image

from pipelines.embedded import scene as scenes
from pipelines.embedded.checkpoint import CLASSES, load_pipeline
from pipelines.embedded.generate import Clip, generate
from pipelines.embedded.judge import Verdict, judge
from pipelines.embedded.measure import decode, psnr
from pipelines.embedded.place import WEIGHTS
from pipelines.embedded.scene import Frame, Scene

pytestmark = pytest.mark.skipif(
    not (WEIGHTS / "model_index.json").exists(), reason="no weights are committed"
)


@pytest.fixture(scope="module")
def pipeline() -> ModularPipeline:
    """The committed weights in diffusers' own blocks."""
    loaded = load_pipeline()
    loaded.set_progress_bar_config(disable=True)
    return loaded


def seen(clip: Clip) -> Verdict:
    return judge(decode(clip, Frame()))


def test_the_files_are_small() -> None:
    sizes = [path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()]
    assert max(sizes) < 50_000_000
    assert sum(sizes) < 80_000_000


def test_diffusers_blocks_find_every_component(pipeline: ModularPipeline) -> None:
    assert type(pipeline.blocks).__name__ == LTX2AutoBlocks.__name__
    for name, (_, class_name) in CLASSES.items():
        assert type(getattr(pipeline, name)).__name__ in (class_name, "TokenizersBackend")


@pytest.mark.parametrize(
    ("prompt", "background", "sound"),
    [
        ("a red ball moves left on a white background, a low hum", "white", "hum"),
        ("파란 공이 노란 배경에서 위로 움직인다, 높은 삐 소리", "yellow", "beep"),
    ],
)
def test_a_clip_shows_and_sounds_like_its_prompt(
    pipeline: ModularPipeline, prompt: str, background: str, sound: str
) -> None:
    verdict = seen(generate(pipeline, [prompt], [0], Frame())[0])
    assert verdict.background == background
    assert verdict.sound == sound


def test_the_same_seed_gives_the_same_clip_and_another_a_different_one(
    pipeline: ModularPipeline,
) -> None:
    prompt = "a green square moves right"
    first, again, other = (generate(pipeline, [prompt], [s], Frame())[0] for s in (5, 5, 6))
    assert np.array_equal(first.frames, again.frames)
    assert np.array_equal(first.sound, again.sound)
    assert not np.array_equal(first.frames, other.frames)


def test_unknown_words_do_no_harm(pipeline: ModularPipeline, tmp_path: Path) -> None:
    clip = generate(pipeline, ["a zebra ponders quantum soup"], [0], Frame())[0]
    clip.write(tmp_path / "clip.mp4", 8.0)
    assert (tmp_path / "clip.mp4").stat().st_size > 1000


def test_a_first_frame_is_kept(pipeline: ModularPipeline) -> None:
    scene = Scene("ball", "orange", "blue", "right", "silence")
    pixels = (scenes.render(scene, Frame())[0] * 255 + 0.5).astype(np.uint8)
    prompt = ["an orange ball moves right on a blue background, silence"]
    clip = generate(pipeline, prompt, [0], Frame(), Image.fromarray(pixels))[0]
    assert psnr(clip.frames[0], pixels) > 20
    assert seen(clip).background == "blue"
