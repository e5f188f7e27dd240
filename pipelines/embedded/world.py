"""The embedded model's world: examples of scene and caption, training and testing kept apart."""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np

from pipelines.embedded.language import LANGUAGES, draw_said, write_caption
from pipelines.embedded.scene import (
    BACKGROUNDS,
    COLOURS,
    MOTIONS,
    SHAPES,
    Frame,
    Scene,
    draw_scene,
)

FRAMES: Final = MappingProxyType(
    {
        "square": Frame(),
        "wide": Frame(height=96, width=168),
        "tall": Frame(height=168, width=96),
        "long": Frame(frames=33),
    }
)


@dataclass(frozen=True)
class Example:
    """A scene, what is said of it, and in which language."""

    scene: Scene
    caption: str
    language: str


def is_held_out(scene: Scene) -> bool:
    """Whether training never shows this colour, shape, motion and background together (1 in 9)."""
    parts = (
        COLOURS.index(scene.colour),
        SHAPES.index(scene.shape),
        MOTIONS.index(scene.motion),
        BACKGROUNDS.index(scene.background),
    )
    return sum(weight * part for weight, part in zip((5, 7, 2, 4), parts, strict=True)) % 9 == 0


def draw_training_scene(generator: np.random.Generator) -> Scene:
    """Draw a scene whose combination is not held out."""
    while is_held_out(scene := draw_scene(generator)):
        pass
    return scene


def draw_held_out_scene(generator: np.random.Generator) -> Scene:
    """Draw a scene whose combination is held out."""
    while not is_held_out(scene := draw_scene(generator)):
        pass
    return scene


def training_caption(
    scene: Scene, generator: np.random.Generator, empty: float = 0.12
) -> tuple[str, frozenset[str]]:
    """A caption in either language and the slots it names: some left out, sometimes all of them."""
    if generator.random() < empty:
        return "", frozenset()
    language = LANGUAGES[int(generator.integers(len(LANGUAGES)))]
    said = draw_said(generator)
    return write_caption(scene, language, generator, said, filler=0.2), said


def held_out_examples(count: int, seed: int) -> list[Example]:
    """`count` full captions of unseen combinations in unseen patterns, the languages in turn.

    Motions and sounds are spread evenly; every bouncing scene whose turn it is clicks.
    """
    generator = np.random.default_rng((777, seed))
    examples = []
    for index in range(count):
        motion = MOTIONS[index // 2 % len(MOTIONS)]
        while (scene := draw_held_out_scene(generator)).motion != motion:
            pass
        if motion == "bounce" and generator.random() < 0.5:
            scene = replace(scene, sound="click")
        language = LANGUAGES[index % len(LANGUAGES)]
        caption = write_caption(scene, language, generator, held_out=True)
        examples.append(Example(scene, caption, language))
    return examples
