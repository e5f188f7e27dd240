"""The frequencies and moments that the sounds promise."""

import numpy as np
import pytest

from pipelines.embedded.scene import Scene, bounce_times
from pipelines.embedded.sound import SAMPLE_RATE, render_sound


def scene_with(sound: str) -> Scene:
    return Scene("ball", "red", "blue", "bounce", sound)


def strongest(wave: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(wave)).argmax() * SAMPLE_RATE / len(wave))


@pytest.mark.parametrize(("sound", "pitch"), [("hum", 200), ("beep", 1600)])
def test_steady_tones_have_their_pitch(sound: str, pitch: float) -> None:
    assert strongest(render_sound(scene_with(sound), SAMPLE_RATE)) == pytest.approx(pitch, abs=2)


@pytest.mark.parametrize(
    ("sound", "first", "last"), [("rising", 400, 1200), ("falling", 1200, 400)]
)
def test_slides_begin_and_end_at_their_pitches(sound: str, first: float, last: float) -> None:
    wave = render_sound(scene_with(sound), 2 * SAMPLE_RATE)
    assert strongest(wave[:1600]) == pytest.approx(first, abs=10)
    assert strongest(wave[-1600:]) == pytest.approx(last, abs=10)


def test_a_click_sounds_at_every_bounce_and_nowhere_else() -> None:
    scene = scene_with("click")
    wave = render_sound(scene, 2 * SAMPLE_RATE)
    for moment in bounce_times(scene, 2.0):
        start = round(moment * SAMPLE_RATE)
        assert np.abs(wave[start : start + 400]).max() > 0.5
        assert np.abs(wave[max(0, start - 1600) : start - 200]).max() == 0


def test_silence_is_silent() -> None:
    assert not render_sound(scene_with("silence"), 1000).any()


def test_an_unknown_sound_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="bark"):
        render_sound(scene_with("bark"), 100)
