"""The judge: frozen, right on true clips, and hard to please."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipelines.embedded import scene as scenes
from pipelines.embedded.clip_file import Footage, read_clip
from pipelines.embedded.judge import judge
from pipelines.embedded.judge_proof import PROOF, digest, render_to_file, right_slots
from pipelines.embedded.scene import Frame, Scene
from pipelines.embedded.world import FRAMES


def test_the_judge_is_the_one_that_was_proved() -> None:
    proof = json.loads(PROOF.read_text())
    assert proof["sha256"] == digest()
    assert proof["clips"] == 200
    assert proof["own_prompt_all_five"] == 1.0
    assert proof["shuffled_all_five"] < 0.2


@pytest.mark.parametrize("name", FRAMES)
def test_true_clips_of_every_size_are_judged_right(name: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(7)
    for _ in range(4):
        scene = scenes.draw_scene(generator)
        render_to_file(scene, FRAMES[name], tmp_path / "clip.mp4")
        verdict = judge(read_clip(tmp_path / "clip.mp4"))
        assert all(right_slots(verdict, scene).values()), (scene, verdict)
        assert verdict.last_colour == scene.colour


def test_clicks_are_heard_at_the_bounces(tmp_path: Path) -> None:
    scene = Scene("ball", "red", "white", "bounce", "click")
    render_to_file(scene, Frame(), tmp_path / "clip.mp4")
    verdict = judge(read_clip(tmp_path / "clip.mp4"))
    assert verdict.clicks == pytest.approx(scenes.bounce_times(scene, 17 / 8), abs=0.05)
    assert verdict.touches == pytest.approx(scenes.bounce_times(scene, 2.0), abs=0.05)


def footage_of(scene: Scene, keep: int) -> Footage:
    """The scene's frames of which only the first `keep` show the shape."""
    covers = scenes.mask(scene, Frame())
    covers[keep:] = 0
    pixels = (scenes.paint(scene, covers) * 255).astype(np.uint8)
    return Footage(pixels, 8.0, np.zeros(16_000, dtype=np.float32), 16_000)


def test_a_shape_that_fades_away_is_not_kept() -> None:
    scene = Scene("square", "green", "black", "right", "silence")
    verdict = judge(footage_of(scene, keep=10))
    assert verdict.motion == "none"
    assert verdict.last_colour == "none"
    assert judge(footage_of(scene, keep=17)).motion == "right"


def test_an_empty_clip_has_no_motion() -> None:
    assert judge(footage_of(Scene("ball", "red", "blue", "up", "hum"), keep=0)).motion == "none"


def test_the_wrong_colour_is_noticed() -> None:
    scene = Scene("ball", "orange", "blue", "still", "silence")
    assert judge(footage_of(scene, 17)).colour == "orange"
    assert judge(footage_of(replace(scene, colour="yellow"), 17)).colour == "yellow"
