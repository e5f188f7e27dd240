"""Say what a decoded clip shows and sounds like, from its pixels and samples alone.

The judge knows the world's palette, shapes and pitches, never the prompt or the model. It was
frozen before the model was trained; `judge_proof.py` measures it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.embedded import scene as scenes
from pipelines.embedded import sound as sounds
from pipelines.embedded.clip_file import Footage
from pipelines.embedded.scene import Array

WINDOW: Final = 800  # samples at 16 kHz: 50 ms
STRIDE: Final = 160  # samples: 10 ms
SILENT: Final = 0.03  # rms below which a window is silent
PRESENT: Final = 0.25  # of the usual area: a smaller shape counts as gone


@dataclass(frozen=True)
class Verdict:
    """What was seen and heard; a name is "none" where nothing was found. Click times in seconds."""

    background: str
    colour: str
    last_colour: str
    shape: str
    motion: str
    sound: str
    clicks: tuple[float, ...]
    touches: tuple[float, ...]


def nearest(colour: Array, names: tuple[str, ...]) -> str:
    """Name of the palette colour nearest to an RGB triple in 0..1."""
    table = np.array([scenes.PALETTE[name] for name in names])
    return names[int(np.argmin(np.square(table - colour).sum(axis=1)))]


def background_colour(frames: Array) -> Array:
    """Median RGB of the border of all frames (frames, height, width, 3)."""
    edge = max(2, min(frames.shape[1:3]) // 24)
    rows = np.concatenate([frames[:, :edge], frames[:, -edge:]], axis=1).reshape(-1, 3)
    columns = np.concatenate([frames[:, :, :edge], frames[:, :, -edge:]], axis=2).reshape(-1, 3)
    return np.asarray(np.median(np.concatenate([rows, columns]), axis=0), dtype=np.float32)


def object_colour(frames: Array, back: Array) -> Array:
    """Median RGB of the pixels that differ most from the background."""
    pixels = frames.reshape(-1, 3)
    away = np.linalg.norm(pixels - back, axis=1)
    count = max(16, len(pixels) // 40)
    chosen = np.argpartition(away, -count)[-count:]
    return np.asarray(np.median(pixels[chosen], axis=0), dtype=np.float32)


def object_masks(frames: Array, back: Array, front: Array) -> Array:
    """Where a pixel is nearer to the object's colour: (frames, height, width), 0 or 1."""
    axis = front - back
    along = (frames - back) @ axis / max(float(axis @ axis), 1e-6)
    return np.asarray(np.clip(along, 0, 1) > 0.5, dtype=np.float32)


def centres_of(masks: Array) -> tuple[Array, Array]:
    """Area (frames,) and centre (frames, 2) as x, y in pixels; NaN where nothing is left."""
    short = min(masks.shape[1:])
    area = masks.sum(axis=(1, 2))
    x = (masks.sum(axis=1) @ (np.arange(masks.shape[2]) + 0.5)) / np.maximum(area, 1)
    y = (masks.sum(axis=2) @ (np.arange(masks.shape[1]) + 0.5)) / np.maximum(area, 1)
    gone = area < PRESENT * np.pi * (scenes.RADIUS * short) ** 2
    centres = np.where(gone[:, None], np.nan, np.stack([x, y], axis=1))
    return area.astype(np.float32), centres.astype(np.float32)


def overlap(mask: Array, centre: Array, shape: str) -> float:
    """Intersection over union of a mask and the shape of the same area at the same centre."""
    grid = np.arange(81, dtype=np.float32) - 40
    unit = float((scenes.distance(shape, grid[None], grid[:, None], 20.0) < 0).sum()) / 400
    radius = float(np.sqrt(mask.sum() / unit))
    x = np.arange(mask.shape[1], dtype=np.float32)[None] + 0.5 - centre[0]
    y = np.arange(mask.shape[0], dtype=np.float32)[:, None] + 0.5 - centre[1]
    ideal = scenes.distance(shape, x, y, radius) < 0
    seen = mask > 0.5
    return float((ideal & seen).sum() / max((ideal | seen).sum(), 1))


def shape_of(masks: Array, centres: Array) -> str:
    """The shape whose outline fits best, summed over the frames in which something is seen."""
    there = [i for i in range(len(masks)) if not np.isnan(centres[i, 0])]
    if not there:
        return "none"
    fits = {name: sum(overlap(masks[i], centres[i], name) for i in there) for name in scenes.SHAPES}
    return max(fits, key=lambda name: fits[name])


def motion_of(centres: Array, short: int) -> str:
    """Classify the track of centres (frames, 2); "none" if over a fifth of it is missing."""
    track = centres[~np.isnan(centres[:, 0])] / short
    if len(track) < 0.8 * len(centres) or len(track) < 5:
        return "none"
    net = track[-2:].mean(axis=0) - track[:2].mean(axis=0)
    travelled = np.abs(np.diff(track, axis=0)).sum(axis=0)
    if travelled[1] - abs(net[1]) > 0.25:
        return "bounce"
    if max(abs(net)) < 0.15:
        return "still" if max(travelled) < 0.3 else "none"
    if abs(net[0]) > abs(net[1]):
        return "right" if net[0] > 0 else "left"
    return "down" if net[1] > 0 else "up"


def touches_of(centres: Array, rate: float) -> tuple[float, ...]:
    """Times in seconds at which a bouncing centre is lowest, by parabolas through three frames."""
    y = centres[:, 1]
    times = []
    for i in range(1, len(y) - 1):
        if y[i] > y[i - 1] and y[i] >= y[i + 1] and y[i] > np.nanmin(y) + 0.5 * np.ptp(y):
            bend = y[i - 1] - 2 * y[i] + y[i + 1]
            times.append((i + 0.5 * (y[i - 1] - y[i + 1]) / min(bend, -1e-6)) / rate)
    return tuple(float(time) for time in times)


def pitches(wave: Array, rate: int) -> tuple[Array, Array]:
    """Loudness (rms) and strongest frequency in Hz of windows of 50 ms, every 10 ms."""
    window, stride = WINDOW * rate // sounds.SAMPLE_RATE, STRIDE * rate // sounds.SAMPLE_RATE
    padded = np.pad(wave, (window // 2, window))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, window)[: len(wave) : stride]
    spectrum = np.abs(np.fft.rfft(pieces * np.hanning(window), n=4 * window, axis=1))
    loud = np.sqrt(np.square(pieces).mean(axis=1))
    return loud.astype(np.float32), (spectrum.argmax(axis=1) * rate / (4 * window)).astype(
        np.float32
    )


def sound_of(wave: Array, rate: int) -> str:
    """Classify by loudness and by the course of the strongest frequency."""
    loud, pitch = pitches(wave, rate)
    active = loud > SILENT
    if active.sum() < 3:
        return "silence"
    heard = pitch[active]
    near_click = np.abs(heard - sounds.CLICK) < 250
    if active.mean() < 0.5 and near_click.mean() > 0.6:
        return "click"
    if active.mean() < 0.7:
        return "none"
    times = np.flatnonzero(active)
    if np.ptp(np.percentile(heard, [10, 90])) > 300:
        trend = float(np.corrcoef(times, heard)[0, 1])
        return "rising" if trend > 0.7 else "falling" if trend < -0.7 else "none"
    middle = float(np.median(heard))
    if abs(middle - sounds.BEEP) < 200:
        return "beep"
    return "hum" if 100 < middle < 500 else "none"


def clicks_of(wave: Array, rate: int) -> tuple[float, ...]:
    """Times in seconds at which a loud stretch begins."""
    short = 10 * rate // 1000
    pieces = wave[: len(wave) // short * short].reshape(-1, short)
    loud = np.sqrt(np.square(pieces).mean(axis=1)) > 0.12
    starts = np.flatnonzero(loud & ~np.concatenate([[False], loud[:-1]]))
    kept = [s for i, s in enumerate(starts) if i == 0 or s - starts[i - 1] > 10]
    return tuple(float(start * short / rate) for start in kept)


def judge(clip: Footage) -> Verdict:
    """Look at and listen to one decoded clip."""
    frames: Array = (clip.frames / 255).astype(np.float32)
    back = background_colour(frames)
    front = object_colour(frames, back)
    masks = object_masks(frames, back, front)
    _, centres = centres_of(masks)
    background = nearest(back, scenes.BACKGROUNDS)
    others = tuple(name for name in scenes.COLOURS if name != background)
    gone = bool(np.isnan(centres[:, 0]).mean() > 0.5)
    last_gone = bool(np.isnan(centres[-1, 0]))
    last = object_colour(frames[-1:], back)
    return Verdict(
        background=background,
        colour="none" if gone else nearest(front, others),
        last_colour="none" if last_gone else nearest(last, others),
        shape=shape_of(masks, centres),
        motion=motion_of(centres, min(frames.shape[1:3])),
        sound=sound_of(clip.sound, clip.sample_rate),
        clicks=clicks_of(clip.sound, clip.sample_rate),
        touches=touches_of(centres, clip.frame_rate),
    )
