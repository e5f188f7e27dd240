"""What the rendered pictures promise to the captions, the judge and the sound."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.embedded import scene as scenes
from pipelines.embedded.scene import MOTIONS, SHAPES, Frame, Scene
from pipelines.embedded.world import FRAMES

BALL = Scene("ball", "red", "blue", "still", "silence")


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_stays_wholly_inside(frame: Frame, motion: str, shape: str) -> None:
    for corner in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)):
        across, along, pace = corner
        scene = Scene(shape, "red", "blue", motion, "hum", across, along, pace)
        covers = scenes.mask(scene, frame)
        assert covers[:, 0].max() == 0
        assert covers[:, -1].max() == 0
        assert covers[:, :, 0].max() == 0
        assert covers[:, :, -1].max() == 0


@pytest.mark.parametrize(
    ("motion", "axis", "sign"), [("left", 0, -1), ("right", 0, 1), ("up", 1, -1), ("down", 1, 1)]
)
def test_straight_motions_go_their_way(motion: str, axis: int, sign: int) -> None:
    track = scenes.path(replace(BALL, motion=motion), Frame())
    assert (sign * np.diff(track[:, axis]) > 0).all()
    assert np.ptp(track[:, 1 - axis]) == 0


def test_a_bounce_is_lowest_when_the_floor_is_touched() -> None:
    scene = replace(BALL, motion="bounce")
    frame = Frame(rate=100.0, frames=401)
    height = scenes.path(scene, frame)[:, 1]
    touched = scenes.bounce_times(scene, frame.seconds)
    assert touched == pytest.approx([0.7, 2.1, 3.5])
    for moment in touched:
        assert height[round(moment * 100)] == pytest.approx(height.max(), abs=0.1)


@pytest.mark.parametrize("shape", SHAPES)
def test_all_shapes_have_about_the_same_area(shape: str) -> None:
    area = scenes.mask(replace(BALL, shape=shape), Frame(frames=1)).sum()
    assert area == pytest.approx(np.pi * (scenes.RADIUS * 96) ** 2, rel=0.15)


def test_pixels_are_background_and_colour() -> None:
    picture = scenes.render(BALL, Frame(frames=1))[0]
    assert picture[0, 0] == pytest.approx(scenes.PALETTE["blue"])
    x, y = scenes.path(BALL, Frame(frames=1))[0].astype(int)
    assert picture[y, x] == pytest.approx(scenes.PALETTE["red"])


def test_an_unknown_shape_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="hexagon"):
        scenes.render(replace(BALL, shape="hexagon"), Frame())


def test_clicks_are_drawn_for_bouncing_alone() -> None:
    generator = np.random.default_rng(0)
    drawn = [scenes.draw_scene(generator) for _ in range(500)]
    assert all(scene.motion == "bounce" for scene in drawn if scene.sound == "click")
    assert all(scene.colour != scene.background for scene in drawn)
