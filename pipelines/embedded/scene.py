"""The sights of the embedded model's world: one coloured shape moving over a plain background.

Positions are in pixels, x to the right and y down; times in seconds; colours are RGB in 0..1.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

SHAPES: Final = ("ball", "square", "triangle")
MOTIONS: Final = ("left", "right", "up", "down", "bounce", "still")
SOUNDS: Final = ("hum", "beep", "rising", "falling", "click", "silence")
PALETTE: Final = MappingProxyType(
    {
        "red": (0.88, 0.10, 0.14),
        "green": (0.10, 0.66, 0.22),
        "blue": (0.12, 0.22, 0.88),
        "yellow": (0.98, 0.92, 0.16),
        "orange": (1.00, 0.54, 0.04),
        "purple": (0.58, 0.14, 0.74),
        "cyan": (0.06, 0.84, 0.90),
        "white": (0.96, 0.96, 0.96),
        "black": (0.04, 0.04, 0.04),
    }
)
COLOURS: Final = tuple(name for name in PALETTE if name != "black")
BACKGROUNDS: Final = tuple(PALETTE)
RADIUS: Final = 0.18  # of the shorter side; every shape has about a disc's area of this radius
MARGIN: Final = 0.29  # the centre stays this far from the border, in shorter sides
EDGE: Final = 0.020  # width of the soft edge, in shorter sides


@dataclass(frozen=True)
class Frame:
    """Size of a clip: height and width in pixels, number of frames, frames per second."""

    height: int = 96
    width: int = 96
    frames: int = 17
    rate: float = 8.0

    @property
    def seconds(self) -> float:
        """Time between the first and the last frame's start."""
        return (self.frames - 1) / self.rate


@dataclass(frozen=True)
class Scene:
    """What is seen and heard; `across`, `along` and `pace` in 0..1 place it within its kind."""

    shape: str
    colour: str
    background: str
    motion: str
    sound: str
    across: float = 0.5
    along: float = 0.5
    pace: float = 0.5


def draw_scene(generator: np.random.Generator) -> Scene:
    """Draw one scene at random; clicks belong to bouncing alone."""
    motion = str(generator.choice(MOTIONS))
    sounds = SOUNDS if motion == "bounce" else tuple(s for s in SOUNDS if s != "click")
    colour = str(generator.choice(COLOURS))
    background = str(generator.choice([b for b in BACKGROUNDS if b != colour]))
    across, along, pace = generator.random(3)
    return Scene(
        shape=str(generator.choice(SHAPES)),
        colour=colour,
        background=background,
        motion=motion,
        sound=str(generator.choice(sounds)),
        across=float(across),
        along=float(along),
        pace=float(pace),
    )


def bounce_period(scene: Scene) -> float:
    """Seconds between two touches of the floor."""
    return 1.2 + 0.4 * scene.pace


def bounce_times(scene: Scene, seconds: float) -> list[float]:
    """Times in seconds at which a bouncing shape, starting at its top, touches the floor."""
    period = bounce_period(scene)
    count = int(np.ceil(seconds / period)) + 1
    return [period * (k + 0.5) for k in range(count) if period * (k + 0.5) <= seconds]


def path(scene: Scene, frame: Frame) -> Array:
    """Centre of the shape in each frame: (frames, 2) as x, y in pixels."""
    times = np.arange(frame.frames) / frame.rate
    margin = MARGIN * min(frame.height, frame.width)
    roam = np.array([frame.width - 2 * margin, frame.height - 2 * margin])
    done = times / max(frame.seconds, 1e-9)
    resting = 0.15 + 0.7 * np.array([scene.across, scene.along])
    place = np.repeat(resting[None], len(times), axis=0)
    slack = 0.12 * scene.along
    if scene.motion in ("left", "right"):
        place[:, 0] = slack + (1 - slack - 0.12 * scene.pace) * done
    if scene.motion in ("up", "down"):
        place[:, 1] = slack + (1 - slack - 0.12 * scene.pace) * done
        place[:, 0] = resting[0]
    if scene.motion in ("left", "right"):
        place[:, 1] = resting[0]
    if scene.motion in ("left", "up"):
        axis = 0 if scene.motion == "left" else 1
        place[:, axis] = 1 - place[:, axis]
    if scene.motion == "bounce":
        phase = (times / bounce_period(scene) + 0.5) % 1.0
        place[:, 1] = 1 - (1 - (2 * phase - 1) ** 2) * (0.9 - 0.15 * scene.along)
    return np.asarray(margin + place * roam, dtype=np.float32)


def distance(shape: str, x: Array, y: Array, radius: float) -> Array:
    """Signed distance in pixels from the shape's edge, negative inside; x, y from its centre."""
    if shape == "ball":
        return np.asarray(np.hypot(x, y) - radius, dtype=np.float32)
    if shape == "square":
        return np.asarray(np.maximum(np.abs(x), np.abs(y)) - 0.886 * radius, dtype=np.float32)
    if shape == "triangle":
        inner = 0.74 * radius
        slope = np.float32(np.sqrt(3) / 2)
        return np.asarray(np.maximum(y, slope * np.abs(x) - 0.5 * y) - inner, dtype=np.float32)
    raise ValueError(f"unknown shape {shape!r}; known: {', '.join(SHAPES)}")


def mask(scene: Scene, frame: Frame) -> Array:
    """How much of each pixel the shape covers: (frames, height, width) in 0..1."""
    short = min(frame.height, frame.width)
    centres = path(scene, frame)
    x = np.arange(frame.width, dtype=np.float32)[None, None] + 0.5 - centres[:, 0, None, None]
    y = np.arange(frame.height, dtype=np.float32)[None, :, None] + 0.5 - centres[:, 1, None, None]
    away = distance(scene.shape, x, y, RADIUS * short)
    return np.asarray(np.clip(0.5 - away / (EDGE * short), 0, 1), dtype=np.float32)


def paint(scene: Scene, cover: Array) -> Array:
    """Colour a mask: (frames, height, width) -> (frames, height, width, 3) in 0..1."""
    back = np.array(PALETTE[scene.background], dtype=np.float32)
    front = np.array(PALETTE[scene.colour], dtype=np.float32)
    return np.asarray(back + cover[..., None] * (front - back), dtype=np.float32)


def render(scene: Scene, frame: Frame) -> Array:
    """Draw the clip: (frames, height, width, 3) in 0..1."""
    return paint(scene, mask(scene, frame))
