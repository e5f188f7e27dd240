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
UNITS = {
    "psnr": "PSNR of the batch, dB",
    "held_out": "PSNR held out, dB",
    "mel_l1": "L1 of log-mel",
    "snr": "SNR of the wave, dB",
    "loss": "error of the picture's velocity",
    "audio": "error of the sound's velocity",
}


def read_log(path: Path, figure: str) -> tuple[list[int], list[float]]:
    """Steps and values of one figure in a stage's log."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    chosen = sorted((line["step"], line[figure]) for line in lines if figure in line)
    return [step for step, _ in chosen], [value for _, value in chosen]


def draw_chart(folder: Path, target: Path) -> None:
    """Plot the figures of every stage that has a log over its steps into a PNG."""
    logged = [stage for stage in PANELS if (folder / f"{stage}.jsonl").exists()]
    picture = Figure(figsize=(2.4 + 2.4 * len(logged), 3), layout="constrained")
    axes = picture.subplots(1, max(1, len(logged)), squeeze=False)[0]
    for axis, stage in zip(axes, logged, strict=False):
        for figure in PANELS[stage]:
            steps, values = read_log(folder / f"{stage}.jsonl", figure)
            axis.plot(steps, values, label=UNITS[figure], linewidth=0.8)
        axis.set_title(stage)
        axis.set_xlabel("steps")
        axis.legend(fontsize=7)
    target.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(target, dpi=90)
