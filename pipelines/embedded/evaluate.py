"""Measure the committed weights: `python -m pipelines.embedded.evaluate`.

Writes `evaluation.json` and, with --readme, the tables of README.md.
"""

import argparse
import json
from pathlib import Path
from typing import Final

import numpy as np
import torch
from diffusers import ModularPipeline

from pipelines.embedded.checkpoint import GUIDANCE, WEIGHTS, load_pipeline, set_guidance
from pipelines.embedded.measure import (
    Judged,
    accuracies,
    autoencoder_psnr,
    clicks_in_step,
    judge_images,
    judge_prompts,
    seconds_a_clip,
)
from pipelines.embedded.scene import Frame
from pipelines.embedded.world import held_out_examples

HOME: Final = Path(__file__).parent
MARKS: Final = ("<!-- figures -->", "<!-- end of figures -->")
Row = dict[str, float]


def measure_text(
    pipeline: ModularPipeline, prompts: int, seeds: int, frame: Frame
) -> dict[str, Row]:
    """Rows of accuracies: mean and worst over the seeds, and each language's mean."""
    examples = held_out_examples(prompts, seed=11)
    runs: list[list[Judged]] = []
    for seed in range(1, seeds + 1):
        runs.append(judge_prompts(pipeline, examples, seed, frame))
    each = [{**accuracies(run), "clicks": clicks_in_step(run, frame)} for run in runs]
    rows = {
        "mean": {key: float(np.mean([row[key] for row in each])) for key in each[0]},
        "worst seed": {key: float(np.min([row[key] for row in each])) for key in each[0]},
    }
    for language in ("en", "ko"):
        chosen = [j for run in runs for j in run if j.example.language == language]
        rows[language] = {**accuracies(chosen), "clicks": clicks_in_step(chosen, frame)}
    return rows


def table(figures: dict[str, dict[str, Row]]) -> str:
    """The accuracies as a Markdown table."""
    columns = ("background", "colour", "shape", "motion", "sound", "all_five", "clicks")
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
        "Image-to-video, {images} clips: first frame {first_frame_psnr:.1f} dB "
        "(worst {first_frame_psnr_worst:.1f}), colour kept to the last frame {kept:.1f} %, "
        "motion {motion:.1f} %, shape {shape:.1f} %.".format(
            images=result["images"],
            first_frame_psnr=image["first_frame_psnr"],
            first_frame_psnr_worst=image["first_frame_psnr_worst"],
            kept=100 * image["colour_kept"],
            motion=100 * image["motion"],
            shape=100 * image["shape"],
        ),
        "",
        f"Video VAE alone: {result['vae_psnr']:.1f} dB, worst {result['vae_psnr_worst']:.1f} dB. "
        f"One clip, prompt to frames and sound: {result['seconds']:.2f} s.",
    ]
    return "\n".join(lines)


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
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HOME / "evaluation.json")
    parser.add_argument("--readme", action="store_true", help="write the tables of README.md")
    return parser.parse_args()


def main() -> None:
    """Measure, print, write."""
    arguments = read_arguments()
    torch.set_num_threads(arguments.threads)
    frame = Frame()
    pipeline = load_pipeline(arguments.weights)
    pipeline.set_progress_bar_config(disable=True)
    text = {}
    for guidance in arguments.guidance:
        set_guidance(pipeline, guidance)
        text[f"{guidance:g}"] = measure_text(pipeline, arguments.prompts, arguments.seeds, frame)
        print(table({f"{guidance:g}": text[f"{guidance:g}"]}), flush=True)
    set_guidance(pipeline, GUIDANCE)
    vae_mean, vae_worst = autoencoder_psnr(pipeline, 32, frame)
    result: dict[str, object] = {
        "prompts": arguments.prompts,
        "seeds": arguments.seeds,
        "images": arguments.images,
        "text": text,
        "image": judge_images(pipeline, arguments.images, frame),
        "vae_psnr": vae_mean,
        "vae_psnr_worst": vae_worst,
        "seconds": seconds_a_clip(pipeline, frame),
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print(report(result))
    if arguments.readme:
        write_readme(HOME / "README.md", report(result))


if __name__ == "__main__":
    main()
