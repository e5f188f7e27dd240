"""The sounds of the embedded model's world, in step with the picture.

Every tone is a multiple of 100 Hz with phase zero at t = 0, so that at 16 kHz it repeats within one
hop of 160 samples: a vocoder then sees the same wave in every hop.
"""

from typing import Final

import numpy as np

from pipelines.embedded.scene import Array, Scene, bounce_times

SAMPLE_RATE: Final = 16_000  # samples a second
HOP: Final = 160  # samples; 10 ms
HUM: Final = 200  # Hz
BEEP: Final = 1600  # Hz
CLICK: Final = 2400  # Hz
SLIDE: Final = tuple(range(400, 1300, 100))  # Hz, the steps of a rising tone
CLICK_HOPS: Final = 4


def _tone(frequency: Array, samples: int) -> Array:
    """Sine of a frequency given for every sample: (samples,)."""
    time = np.arange(samples) / SAMPLE_RATE
    return np.asarray(np.sin(2 * np.pi * frequency * time), dtype=np.float32)


def _slide(samples: int, upwards: bool) -> Array:
    """A tone climbing or descending SLIDE; it steps at hops, where all phases are zero."""
    hops = np.arange(samples) // HOP
    step = np.minimum(hops * len(SLIDE) // max(-(-samples // HOP), 1), len(SLIDE) - 1)
    frequencies = np.array(SLIDE if upwards else SLIDE[::-1], dtype=np.float32)
    return 0.4 * _tone(frequencies[step], samples)


def _clicks(scene: Scene, samples: int) -> Array:
    """A short fading burst at every touch of the floor, aligned to the hop."""
    wave = np.zeros(samples, dtype=np.float32)
    length = CLICK_HOPS * HOP
    burst = _tone(np.full(length, CLICK, dtype=np.float32), length)
    burst = burst * np.linspace(0.9, 0.3, length, dtype=np.float32)
    for moment in bounce_times(scene, samples / SAMPLE_RATE):
        start = round(moment * SAMPLE_RATE / HOP) * HOP
        end = min(start + length, samples)
        wave[start:end] = burst[: max(end - start, 0)]
    return wave


def render_sound(scene: Scene, samples: int) -> Array:
    """Render the scene's sound at 16 kHz: (samples,) in -1..1, the same for both ears."""
    flat = np.ones(samples, dtype=np.float32)
    if scene.sound == "hum":
        return 0.35 * _tone(HUM * flat, samples) + 0.15 * _tone(2 * HUM * flat, samples)
    if scene.sound == "beep":
        return 0.4 * _tone(BEEP * flat, samples)
    if scene.sound in ("rising", "falling"):
        return _slide(samples, upwards=scene.sound == "rising")
    if scene.sound == "click":
        return _clicks(scene, samples)
    if scene.sound == "silence":
        return np.zeros(samples, dtype=np.float32)
    raise ValueError(f"unknown sound {scene.sound!r}")
