"""Accuracies of the embedded model on prompts it has never seen, from decoded mp4 files alone."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers import ModularPipeline
from PIL import Image

from pipelines.embedded import scene as scenes
from pipelines.embedded.clip_file import Footage, Pixels, read_clip
from pipelines.embedded.generate import Clip, generate
from pipelines.embedded.judge import Verdict, judge
from pipelines.embedded.judge_proof import SLOTS
from pipelines.embedded.language import write_caption
from pipelines.embedded.scene import Frame
from pipelines.embedded.world import Example, held_out_examples

IN_STEP: Final = 0.15  # seconds between a click and its bounce


@dataclass(frozen=True)
class Judged:
    """One generated clip: what was asked, what the judge found."""

    example: Example
    seed: int
    verdict: Verdict


def decode(clip: Clip, frame: Frame) -> Footage:
    """Encode a clip to mp4 and decode it again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        clip.write(path, frame.rate)
        return read_clip(path)


def batches(examples: list[Example], size: int) -> Iterator[list[Example]]:
    """Cut into lists of at most `size`."""
    for start in range(0, len(examples), size):
        yield examples[start : start + size]


def judge_prompts(
    pipeline: ModularPipeline, examples: list[Example], seed: int, frame: Frame, size: int = 8
) -> list[Judged]:
    """Generate one clip a prompt; clip i of run `seed` starts from seed 1000 * seed + i."""
    judged = []
    number = 1000 * seed
    for some in batches(examples, size):
        seeds = [number + i for i in range(len(some))]
        number += len(some)
        clips = generate(pipeline, [example.caption for example in some], seeds, frame)
        for example, each, clip in zip(some, seeds, clips, strict=True):
            judged.append(Judged(example, each, judge(decode(clip, frame))))
    return judged


def accuracies(judged: list[Judged]) -> dict[str, float]:
    """Share of clips that show what the prompt says, for each slot and for all five together."""
    hits = {
        slot: [getattr(j.verdict, slot) == getattr(j.example.scene, slot) for j in judged]
        for slot in SLOTS
    }
    result = {slot: float(np.mean(values)) for slot, values in hits.items()}
    result["all_five"] = float(np.mean(np.all(list(hits.values()), axis=0)))
    return result


def clicks_in_step(judged: list[Judged], frame: Frame) -> float:
    """Share of the clicks heard that are within 0.15 s of a bounce seen; a clip without any
    counts 0. Of those clips alone for which clicks were asked, and without their last 0.15 s."""
    asked = [j.verdict for j in judged if j.example.scene.sound == "click"]
    return _mean([_near(each.clicks, each.touches, frame) for each in asked])


def bounces_heard(judged: list[Judged], frame: Frame) -> float:
    """The other way round: share of the bounces seen that have their click within 0.15 s."""
    asked = [j.verdict for j in judged if j.example.scene.sound == "click"]
    return _mean([_near(each.touches, each.clicks, frame) for each in asked])


def _near(moments: Sequence[float], others: Sequence[float], frame: Frame) -> float:
    """Share of `moments` that have one of the others beside them."""
    gaps = [
        min((abs(moment - other) for other in others), default=np.inf)
        for moment in moments
        if moment < frame.seconds - IN_STEP
    ]
    return float(np.mean(np.array(gaps) <= IN_STEP)) if gaps else 0.0


def _mean(shares: Sequence[float]) -> float:
    return float(np.mean(shares)) if shares else float("nan")


def psnr(seen: Pixels, ideal: Pixels) -> float:
    """Peak signal to noise ratio in dB of two arrays in 0..255."""
    error = np.square(seen.astype(np.float64) - ideal.astype(np.float64)).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def judge_images(
    pipeline: ModularPipeline, count: int, frame: Frame, said: frozenset[str] = frozenset(SLOTS)
) -> dict[str, float]:
    """Image-to-video: PSNR of the first frame in dB, and what became of the rest. Captions name the
    slots in `said`: what they leave out, the picture alone tells."""
    judged, first = [], []
    generator = np.random.default_rng(31)
    for number, each in enumerate(held_out_examples(count, seed=31)):
        caption = write_caption(each.scene, each.language, generator, said, held_out=True)
        example = replace(each, caption=caption)
        picture = scenes.render(example.scene, frame)[0]
        pixels = (picture * 255 + 0.5).astype(np.uint8)
        clip = generate(
            pipeline, [example.caption], [31_000 + number], frame, Image.fromarray(pixels)
        )[0]
        footage = decode(clip, frame)
        first.append(psnr(footage.frames[0], pixels))
        judged.append(Judged(example, number, judge(footage)))
    kept = [j.verdict.last_colour == j.example.scene.colour for j in judged]
    return {
        **accuracies(judged),
        "first_frame_psnr": float(np.mean(first)),
        "first_frame_psnr_worst": float(np.min(first)),
        "colour_kept": float(np.mean(kept)),
    }


@torch.no_grad()
def autoencoder_psnr(pipeline: ModularPipeline, count: int, frame: Frame) -> tuple[float, float]:
    """Mean and worst PSNR in dB of held-out clips sent through the video VAE alone."""
    figures = []
    for example in held_out_examples(count, seed=47):
        ideal = scenes.render(example.scene, frame)
        video = torch.from_numpy(ideal).permute(3, 0, 1, 2)[None] * 2 - 1
        latent = pipeline.vae.encode(video).latent_dist.mode()
        output = pipeline.vae.decode(latent).sample[0].permute(1, 2, 3, 0)
        pixels = ((output.clamp(-1, 1) + 1) * 127.5).round().numpy().astype(np.uint8)
        figures.append(psnr(pixels, (ideal * 255 + 0.5).astype(np.uint8)))
    return float(np.mean(figures)), float(np.min(figures))


def seconds_a_clip(pipeline: ModularPipeline, frame: Frame, tries: int = 3) -> float:
    """Fastest time in seconds from one prompt to frames and sound."""
    times = []
    for number in range(tries):
        begun = time.perf_counter()
        generate(pipeline, ["a red ball moves left on a blue background"], [number], frame)
        times.append(time.perf_counter() - begun)
    return min(times)
