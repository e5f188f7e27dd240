"""Draw a strip of sample frames for the README: `python -m pipelines.embedded.strip`."""

from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from pipelines.embedded.checkpoint import load_pipeline
from pipelines.embedded.generate import generate
from pipelines.embedded.scene import Frame

PROMPTS: Final = (
    "a red ball moves left on a white background, a low hum",
    "노란 사각형이 파란 배경에서 위로 움직인다, 높은 삐 소리",
    "a crimson box bounces in front of a cyan background, a click on each bounce",
    "초록 삼각형이 가만히 있다, 검은 배경, 무음",
    "an orange disc goes down against black, a falling tone",
    "보라색 공이 오른쪽으로 간다, 하얀 배경에서, 높아지는 음",
)
SHOWN: Final = (0, 3, 6, 9, 12, 16)
TARGET: Final = Path(__file__).parent / "images" / "samples.png"


def main() -> None:
    """Generate one clip a prompt and lay out six frames of each in a row."""
    pipeline = load_pipeline()
    clips = generate(pipeline, list(PROMPTS), list(range(len(PROMPTS))), Frame())
    rows = [np.concatenate(list(clip.frames[list(SHOWN)]), axis=1) for clip in clips]
    TARGET.parent.mkdir(exist_ok=True)
    Image.fromarray(np.concatenate(rows)).save(TARGET)


if __name__ == "__main__":
    main()
