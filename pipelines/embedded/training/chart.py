"""Draw the logs of all stages as one picture."""

import json
from pathlib import Path

from matplotlib.figure import Figure

PANELS = {
    "video_vae": ("psnr", "held_out"),
    "video_decoder": ("psnr", "held_out"),
    "audio_vae": ("mel_l1",),
    "vocoder": ("snr",),
    "denoiser": ("loss", "audio"),
}


def read_log(path: Path, figure: str) -> tuple[list[int], list[float]]:
    """Steps and values of one figure in a stage's log."""
    if not path.exists():
        return [], []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    chosen = sorted((line["step"], line[figure]) for line in lines if figure in line)
    return [step for step, _ in chosen], [value for _, value in chosen]


def draw_chart(folder: Path, target: Path) -> None:
    """Plot every stage's figures over its steps into a PNG."""
    picture = Figure(figsize=(12, 3), layout="constrained")
    axes = picture.subplots(1, len(PANELS))
    for axis, (stage, figures) in zip(axes, PANELS.items(), strict=True):
        for figure in figures:
            steps, values = read_log(folder / f"{stage}.jsonl", figure)
            axis.plot(steps, values, label=figure, linewidth=0.8)
        axis.set_title(stage)
        axis.set_xlabel("steps")
        axis.legend(fontsize=7)
    target.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(target, dpi=90)
