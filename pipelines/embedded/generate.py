"""Make clips with diffusers alone: prompts (and first frames) in, frames and sound out.

`python -m pipelines.embedded.generate "a red ball moves left" clip.mp4`
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import ModularPipeline
from PIL import Image

from pipelines.embedded.checkpoint import GUIDANCE, STEPS, load_pipeline
from pipelines.embedded.clip_file import Pixels, write_clip
from pipelines.embedded.network import MAX_TEXT
from pipelines.embedded.scene import Array, Frame


@dataclass(frozen=True)
class Clip:
    """Frames (frames, height, width, 3) 0..255 and mono sound (samples,) at 16 kHz."""

    frames: Pixels
    sound: Array

    def write(self, path: Path, rate: float) -> None:
        """Encode to mp4."""
        write_clip(path, self.frames, self.sound, rate)


def generate(
    pipeline: ModularPipeline,
    prompts: list[str],
    seeds: list[int],
    frame: Frame,
    image: Image.Image | None = None,
    steps: int = STEPS,
) -> list[Clip]:
    """Make one clip a prompt, each from its own seed; `image` is the first frame of all of them."""
    wanted = {"image": image} if image is not None else {}
    with torch.no_grad():
        result = pipeline(
            prompt=prompts,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
            height=frame.height,
            width=frame.width,
            num_frames=frame.frames,
            frame_rate=frame.rate,
            num_inference_steps=steps,
            max_sequence_length=MAX_TEXT,
            output_type="np",
            output=["videos", "audio"],
            **wanted,
        )
    clips = []
    for video, audio in zip(result["videos"], result["audio"], strict=True):
        pixels = (np.asarray(video).clip(0, 1) * 255 + 0.5).astype(np.uint8)
        clips.append(Clip(pixels, audio.float().mean(dim=0).cpu().numpy()))
    return clips


def main() -> None:
    """Make one clip from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prompt")
    parser.add_argument("clip", type=Path, help="the mp4 to write")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--guidance", type=float, default=GUIDANCE)
    parser.add_argument("--image", type=Path, help="the first frame")
    arguments = parser.parse_args()
    frame = Frame()
    image = None
    if arguments.image is not None:
        image = Image.open(arguments.image).convert("RGB").resize((frame.width, frame.height))
    pipeline = load_pipeline(guidance=arguments.guidance)
    clips = generate(pipeline, [arguments.prompt], [arguments.seed], frame, image, arguments.steps)
    clips[0].write(arguments.clip, frame.rate)


if __name__ == "__main__":
    main()
