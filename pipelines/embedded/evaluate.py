"""Measure the committed weights: `python -m pipelines.embedded.evaluate`.

Writes `evaluation.json` and, with --readme, the tables of README.md.
"""

import argparse
import itertools
import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import torch
from diffusers import ModularPipeline

from pipelines.embedded.checkpoint import GUIDANCE, load_pipeline
from pipelines.embedded.judge_proof import SLOTS
from pipelines.embedded.measure import (
    Judged,
    accuracies,
    autoencoder_psnr,
    bounces_heard,
    clicks_in_step,
    judge_images,
    judge_prompts,
    seconds_a_clip,
)
from pipelines.embedded.place import WEIGHTS
from pipelines.embedded.scene import Frame
from pipelines.embedded.world import held_out_examples

HOME: Final = Path(__file__).parent
MARKS: Final = ("<!-- figures -->", "<!-- end of figures -->")
NAMED: Final = MappingProxyType(
    {
        "the caption names everything": frozenset(SLOTS),
        "it names motion and sound alone, all else is in the picture": frozenset(
            {"motion", "sound"}
        ),
    }
)
Row = dict[str, float]


def quiet_pipeline(weights: Path, guidance: float = GUIDANCE) -> ModularPipeline:
    """The checkpoint in diffusers' own blocks, without progress bars."""
    pipeline = load_pipeline(weights, guidance)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def judge_run(weights: Path, prompts: int, guidance: float, seed: int) -> list[Judged]:
    """All prompts once, in a process of its own with one thread."""
    torch.set_num_threads(1)
    examples = held_out_examples(prompts, seed=11)
    return judge_prompts(quiet_pipeline(weights, guidance), examples, seed, Frame())


def judge_all(
    weights: Path, prompts: int, guidances: Sequence[float], seeds: int, processes: int
) -> dict[str, list[list[Judged]]]:
    """Every run of every guidance, several at a time."""
    tasks = list(itertools.product(guidances, range(1, seeds + 1)))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting = [pool.submit(judge_run, weights, prompts, *task) for task in tasks]
        runs = [done.result() for done in waiting]
    return {
        f"{guidance:g}": [run for task, run in zip(tasks, runs, strict=True) if task[0] == guidance]
        for guidance in guidances
    }


def measure_text(runs: list[list[Judged]], frame: Frame) -> dict[str, Row]:
    """Rows of accuracies: mean and worst over the seeds, and each language's mean."""
    each = [shares(run, frame) for run in runs]
    rows = {
        "mean": {key: float(np.mean([row[key] for row in each])) for key in each[0]},
        "worst seed": {key: float(np.min([row[key] for row in each])) for key in each[0]},
    }
    for language in ("en", "ko"):
        chosen = [j for run in runs for j in run if j.example.language == language]
        rows[language] = shares(chosen, frame)
    return rows


def shares(judged: list[Judged], frame: Frame) -> Row:
    """Everything that is told of one run."""
    clicks, bounces = clicks_in_step(judged, frame), bounces_heard(judged, frame)
    return {**accuracies(judged), "clicks": clicks, "bounces": bounces}


def table(figures: dict[str, dict[str, Row]]) -> str:
    """The accuracies as a Markdown table."""
    columns = ("background", "colour", "shape", "motion", "sound", "all_five", "clicks", "bounces")
    lines = [
        "| guidance | | " + " | ".join(name.replace("_", " ") for name in columns) + " |",
        "|---|---|" + "---|" * len(columns),
    ]
    for guidance, rows in figures.items():
        for name, row in rows.items():
            cells = " | ".join(f"{100 * row[column]:.1f} %" for column in columns)
            lines.append(f"| {guidance} | {name} | {cells} |")
    return "\n".join(lines)


def report(result: dict[str, object]) -> str:
    """All figures as Markdown."""
    text, image = result["text"], result["image"]
    assert isinstance(text, dict)
    assert isinstance(image, dict)
    lines = [
        f"{result['prompts']} unseen prompts, half English and half Korean, "
        f"{result['seeds']} seeds each:",
        "",
        table(text),
        "",
        "*clicks*: of the clicks heard, those within 0.15 s of a bounce; *bounces*: of the bounces "
        "seen, those with their click; in clips for which clicks were asked.",
        "",
        f"Image-to-video, {result['images']} clips:",
        "",
        *(f"- {image_line(named, row)}" for named, row in image.items()),
        "",
        f"Video VAE alone: {result['vae_psnr']:.1f} dB, worst {result['vae_psnr_worst']:.1f} dB. "
        f"One clip, prompt to frames and sound, the fastest of three with {result['threads']} "
        f"threads: {result['seconds']:.2f} s.",
    ]
    return "\n".join(lines)


def image_line(named: str, row: Row) -> str:
    """What became of first frames, where the caption names so much."""
    return (
        f"{named}: first frame {row['first_frame_psnr']:.1f} dB "
        f"(worst {row['first_frame_psnr_worst']:.1f}), colour kept to the last frame "
        f"{100 * row['colour_kept']:.1f} %, shape {100 * row['shape']:.1f} %, "
        f"motion {100 * row['motion']:.1f} %."
    )


def write_readme(path: Path, text: str) -> None:
    """Replace what stands between the marks."""
    before, rest = path.read_text().split(MARKS[0])
    _, after = rest.split(MARKS[1])
    path.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")


def read_arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--prompts", type=int, default=256)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, GUIDANCE])
    parser.add_argument("--processes", type=int, default=2, help="runs at a time")
    parser.add_argument("--threads", type=int, default=2, help="for the seconds of a clip")
    parser.add_argument("--out", type=Path, default=HOME / "evaluation.json")
    parser.add_argument("--readme", action="store_true", help="write the tables of README.md")
    return parser.parse_args()


def main() -> None:
    """Measure, print, write."""
    arguments = read_arguments()
    runs = judge_all(
        arguments.weights,
        arguments.prompts,
        arguments.guidance,
        arguments.seeds,
        arguments.processes,
    )
    frame = Frame()
    text = {guidance: measure_text(judged, frame) for guidance, judged in runs.items()}
    print(table(text), flush=True)
    torch.set_num_threads(arguments.threads)
    pipeline = quiet_pipeline(arguments.weights)
    vae_mean, vae_worst = autoencoder_psnr(pipeline, 32, frame)
    result: dict[str, object] = {
        "prompts": arguments.prompts,
        "seeds": arguments.seeds,
        "images": arguments.images,
        "text": text,
        "image": {
            named: judge_images(pipeline, arguments.images, frame, said)
            for named, said in NAMED.items()
        },
        "vae_psnr": vae_mean,
        "vae_psnr_worst": vae_worst,
        "seconds": seconds_a_clip(pipeline, frame),
        "threads": arguments.threads,
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print(report(result))
    if arguments.readme:
        write_readme(HOME / "README.md", report(result))


if __name__ == "__main__":
    main()
