"""Write and read the mp4 files (H.264 + AAC) that the judge looks at."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from pipelines.embedded.scene import Array
from pipelines.embedded.sound import SAMPLE_RATE

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Footage:
    """A decoded clip: frames (frames, height, width, 3) 0..255, sound (samples,) in -1..1, Hz."""

    frames: Pixels
    frame_rate: float
    sound: Array
    sample_rate: int


def write_clip(
    path: Path, frames: Pixels, sound: Array, frame_rate: float, sample_rate: int = SAMPLE_RATE
) -> None:
    """Encode frames (frames, height, width, 3) and mono sound (samples,) into an mp4 file."""
    with av.open(str(path), "w", options={"movflags": "faststart"}) as box:
        video = box.add_stream("libx264", rate=Fraction(frame_rate).limit_denominator(1000))
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = "yuv420p"
        video.options = {"crf": "18", "preset": "veryfast", "threads": "1"}
        audio = box.add_stream("aac", rate=sample_rate, layout="mono")
        for pixels in frames:
            box.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        box.mux(video.encode(None))
        wave = np.ascontiguousarray(sound[None].astype(np.float32))
        piece = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        piece.sample_rate = sample_rate
        piece.pts = 0
        box.mux(audio.encode(piece))
        box.mux(audio.encode(None))


def read_clip(path: Path) -> Footage:
    """Decode an mp4 file; several channels of sound are averaged."""
    with av.open(str(path)) as box:
        video, audio = box.streams.video[0], box.streams.audio[0]
        frames: list[Pixels] = []
        waves: list[Array] = []
        for packet in box.demux(video, audio):
            for piece in packet.decode():
                if isinstance(piece, av.VideoFrame):
                    frames.append(piece.to_ndarray(format="rgb24"))
                elif isinstance(piece, av.AudioFrame):
                    waves.append(piece.to_ndarray().astype(np.float32).mean(axis=0))
        rate = float(video.average_rate or 0)
        return Footage(np.stack(frames), rate, np.concatenate(waves), audio.rate)
