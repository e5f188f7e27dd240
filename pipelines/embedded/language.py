"""The small English and Korean of the embedded model: captions in free order and wording."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from pipelines.embedded.scene import Scene

Words = Mapping[str, tuple[str, ...]]
SLOTS: Final = ("colour", "shape", "motion", "background", "sound")
LANGUAGES: Final = ("en", "ko")


@dataclass(frozen=True)
class Tongue:
    """One language: wordings of each meaning, and sentence patterns to train on or to hold out."""

    colour: Words
    shape: Words
    motion: Words
    sound: Words
    place: tuple[str, ...]
    thing: tuple[str, ...]
    patterns: tuple[str, ...]
    held_out: tuple[str, ...]
    fillers: tuple[str, ...]  # words the model does not know
    endings: tuple[str, ...] = ()  # particles, which become word pieces of their own

    def phrases(self) -> list[str]:
        """All wordings but the fillers, with empty patterns: what the vocabulary is drawn from."""
        tables = (self.colour, self.shape, self.motion, self.sound)
        worded = [phrase for table in tables for options in table.values() for phrase in options]
        frames = [
            re.sub(r"{\w*}", " ", text) for text in (*self.place, *self.patterns, *self.held_out)
        ]
        return [*worded, *self.thing, *frames]


ENGLISH: Final = Tongue(
    colour=MappingProxyType(
        {
            "red": ("red", "crimson", "scarlet"),
            "green": ("green", "emerald"),
            "blue": ("blue", "azure"),
            "yellow": ("yellow", "golden"),
            "orange": ("orange", "amber"),
            "purple": ("purple", "violet"),
            "cyan": ("cyan", "turquoise"),
            "white": ("white", "snowy"),
            "black": ("black", "dark"),
        }
    ),
    shape=MappingProxyType(
        {
            "ball": ("ball", "circle", "disc"),
            "square": ("square", "box", "block"),
            "triangle": ("triangle", "pyramid"),
        }
    ),
    motion=MappingProxyType(
        {
            "left": (
                "moves left",
                "moving to the left",
                "goes left",
                "sliding left",
                "travels left",
            ),
            "right": (
                "moves right",
                "moving to the right",
                "goes right",
                "sliding right",
                "travels right",
            ),
            "up": ("moves up", "moving upwards", "goes up", "climbs", "floating up"),
            "down": ("moves down", "moving downwards", "goes down", "descends", "sinking down"),
            "bounce": ("bounces", "bouncing", "bounces up and down", "hops", "jumping"),
            "still": ("stays still", "standing still", "does not move", "motionless", "resting"),
        }
    ),
    sound=MappingProxyType(
        {
            "hum": ("a low hum", "a deep hum", "low humming"),
            "beep": ("a high beep", "a sharp beep", "high beeping"),
            "rising": ("a rising tone", "a rising pitch", "an ascending tone"),
            "falling": ("a falling tone", "a falling pitch", "a descending tone"),
            "click": ("a click on each bounce", "clicks at every bounce", "clicking"),
            "silence": ("silence", "no sound", "in silence", "quiet"),
        }
    ),
    place=("on a {} background", "against {}", "in front of a {} background", "{} background"),
    thing=("shape", "object", "thing"),
    patterns=(
        "a {object} {motion} {place}, {sound}",
        "{place} a {object} {motion}, {sound}",
        "{sound}, a {object} {motion} {place}",
        "the {object} {motion}, with {sound}, {place}",
        "{object}, {motion}, {place}, {sound}",
        "{place}, {sound}, the {object} {motion}",
        "{motion}: a {object} {place} with {sound}",
    ),
    held_out=(
        "{sound} and {place}, a {object} {motion}",
        "{place}; {motion}; a {object}; {sound}",
        "with {sound} the {object} {place} {motion}",
    ),
    fillers=("please", "lovely", "show me", "tiny", "shiny", "in the video", "slowly"),
)

KOREAN: Final = Tongue(
    colour=MappingProxyType(
        {
            "red": ("빨간", "빨간색", "붉은"),
            "green": ("초록", "초록색", "녹색"),
            "blue": ("파란", "파란색", "푸른"),
            "yellow": ("노란", "노란색"),
            "orange": ("주황", "주황색"),
            "purple": ("보라", "보라색"),
            "cyan": ("청록", "청록색", "하늘색"),
            "white": ("하얀", "하얀색", "흰"),
            "black": ("검은", "검은색", "까만"),
        }
    ),
    shape=MappingProxyType(
        {
            "ball": ("공이", "원이", "동그라미가", "공은"),
            "square": ("사각형이", "네모가", "상자가", "사각형은"),
            "triangle": ("삼각형이", "세모가", "삼각형은"),
        }
    ),
    motion=MappingProxyType(
        {
            "left": (
                "왼쪽으로 움직인다",
                "왼쪽으로 간다",
                "왼쪽으로 이동한다",
                "왼쪽으로 움직이는",
            ),
            "right": (
                "오른쪽으로 움직인다",
                "오른쪽으로 간다",
                "오른쪽으로 이동한다",
                "오른쪽으로 움직이는",
            ),
            "up": ("위로 움직인다", "위로 올라간다", "위로 간다", "위로 이동한다"),
            "down": ("아래로 움직인다", "아래로 내려간다", "아래로 간다", "아래로 이동한다"),
            "bounce": ("통통 튄다", "튀어 오른다", "위아래로 튄다", "튀고 있다"),
            "still": ("가만히 있다", "멈춰 있다", "정지해 있다", "움직이지 않는다"),
        }
    ),
    sound=MappingProxyType(
        {
            "hum": ("낮은 웅웅 소리", "낮은 험 소리", "낮게 웅웅거린다"),
            "beep": ("높은 삐 소리", "높은 비프 소리", "날카로운 삐 소리"),
            "rising": ("높아지는 음", "점점 높아지는 소리", "상승하는 음"),
            "falling": ("낮아지는 음", "점점 낮아지는 소리", "하강하는 음"),
            "click": ("튈 때마다 딸깍 소리", "튈 때마다 클릭 소리", "딸깍거린다"),
            "silence": ("소리 없이", "무음", "조용히", "고요하다"),
        }
    ),
    place=("{} 배경에서", "{} 배경 위에서", "{} 배경 앞에서", "배경은 {}"),
    thing=("도형이", "물체가", "것이"),
    patterns=(
        "{place} {object} {motion}, {sound}",
        "{object} {place} {motion}, {sound}",
        "{sound}, {place} {object} {motion}",
        "{object} {motion}. {place}. {sound}",
        "{sound}, {object} {place} {motion}",
        "{place}, {sound}, {object} {motion}",
    ),
    held_out=(
        "{object} {motion}, {sound}, {place}",
        "{sound}. {object} {motion}. {place}",
        "{place}. {motion}. {object}. {sound}",
    ),
    fillers=("아주", "예쁜", "보여 줘", "작은", "천천히", "영상에서"),
    endings=("이", "가", "은", "는", "색", "에서"),
)
TONGUES: Final = MappingProxyType({"en": ENGLISH, "ko": KOREAN})


def _pick(generator: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(generator.integers(len(options)))]


def write_caption(
    scene: Scene,
    language: str,
    generator: np.random.Generator,
    said: frozenset[str] = frozenset(SLOTS),
    held_out: bool = False,
    filler: float = 0.0,
) -> str:
    """Describe the slots in `said` in a random wording; `filler`: chance of an unknown word."""
    tongue = TONGUES[language]
    colour = _pick(generator, tongue.colour[scene.colour]) if "colour" in said else ""
    shape = _pick(generator, tongue.shape[scene.shape] if "shape" in said else tongue.thing)
    ground = _pick(generator, tongue.colour[scene.background])
    parts = {
        "object": f"{colour} {shape}".strip(),
        "motion": _pick(generator, tongue.motion[scene.motion]) if "motion" in said else "",
        "place": _pick(generator, tongue.place).format(ground) if "background" in said else "",
        "sound": _pick(generator, tongue.sound[scene.sound]) if "sound" in said else "",
    }
    if "colour" not in said and "shape" not in said and generator.random() < 0.5:
        parts["object"] = ""
    pattern = _pick(generator, tongue.held_out if held_out else tongue.patterns)
    words = pattern.format(**parts).split(" ")
    if generator.random() < filler:
        words.insert(int(generator.integers(len(words) + 1)), _pick(generator, tongue.fillers))
    return " ".join(word for word in words if word.strip(",.;:"))


def draw_said(generator: np.random.Generator, omit: float = 0.12) -> frozenset[str]:
    """Choose which slots a caption names: each is left out with chance `omit`."""
    return frozenset(slot for slot in SLOTS if generator.random() >= omit)
