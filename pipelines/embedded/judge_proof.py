"""Prove the judge: right on rendered clips, wrong when prompts are shuffled.

`python -m pipelines.embedded.judge_proof` measures it and writes `judge_proof.json`.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from pipelines.embedded import scene as scenes
from pipelines.embedded.clip_file import read_clip, write_clip
from pipelines.embedded.judge import Verdict, judge
from pipelines.embedded.scene import Frame, Scene
from pipelines.embedded.sound import render_sound

PROOF: Final = Path(__file__).parent / "judge_proof.json"
SLOTS: Final = ("background", "colour", "shape", "motion", "sound")
FROZEN: Final = ("judge.py", "scene.py", "sound.py", "clip_file.py")


def right_slots(verdict: Verdict, scene: Scene) -> dict[str, bool]:
    """Which of the five slots the judge finds as the scene has them."""
    return {slot: getattr(verdict, slot) == getattr(scene, slot) for slot in SLOTS}


def render_to_file(scene: Scene, frame: Frame, path: Path) -> None:
    """Write the true clip of a scene as an mp4."""
    pixels = (scenes.render(scene, frame) * 255 + 0.5).astype(np.uint8)
    samples = round(frame.frames / frame.rate * 16_000)
    write_clip(path, pixels, render_sound(scene, samples), frame.rate)


def digest() -> dict[str, str]:
    """SHA-256 of the files the judge is made of."""
    folder = Path(__file__).parent
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FROZEN}


def prove(count: int, seed: int = 20) -> dict[str, object]:
    """Judge `count` rendered clips against their own scenes and against shuffled ones."""
    generator = np.random.default_rng(seed)
    drawn = [scenes.draw_scene(generator) for _ in range(count)]
    verdicts = []
    with tempfile.TemporaryDirectory() as folder:
        for scene in drawn:
            path = Path(folder) / "clip.mp4"
            render_to_file(scene, Frame(), path)
            verdicts.append(judge(read_clip(path)))
    order = np.roll(np.arange(count), 1)[generator.permutation(count)]
    shuffled = [drawn[i] for i in order]
    own = [right_slots(v, s) for v, s in zip(verdicts, drawn, strict=True)]
    other = [right_slots(v, s) for v, s in zip(verdicts, shuffled, strict=True)]
    return {
        "clips": count,
        "own_prompt": {slot: float(np.mean([r[slot] for r in own])) for slot in SLOTS},
        "own_prompt_all_five": float(np.mean([all(r.values()) for r in own])),
        "shuffled": {slot: float(np.mean([r[slot] for r in other])) for slot in SLOTS},
        "shuffled_all_five": float(np.mean([all(r.values()) for r in other])),
        "sha256": digest(),
    }


def main() -> None:
    """Measure and write the proof beside the judge."""
    proof = prove(200)
    PROOF.write_text(json.dumps(proof, indent=2) + "\n")
    print(json.dumps(proof, indent=2))


if __name__ == "__main__":
    main()
