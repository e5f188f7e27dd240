"""What a clip file holds, read back from the file itself."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipFacts:
    """Sizes in pixels and bytes, durations in seconds."""

    width: int
    height: int
    fps: Fraction
    num_frames: int
    duration_s: float
    """Playing time of the video track."""
    video_codec: str
    audio_codec: str | None
    """None when there is no audio track."""
    audio_duration_s: float
    audio_channels: int
    sample_rate: int
    size_bytes: int

    @property
    def has_audio(self) -> bool:
        return self.audio_codec is not None


class ClipError(ValueError):
    """The file is no readable clip."""


def probe(path: Path) -> ClipFacts:
    """The facts in the index of a clip; no frame is decoded. Raises `ClipError`."""
    try:
        with av.open(str(path)) as container:
            return _facts(container, path.stat().st_size)
    except (av.FFmpegError, IndexError) as error:
        raise ClipError(f"{path.name} is no readable clip: {error}") from error


def _facts(container: "av.container.InputContainer", size_bytes: int) -> ClipFacts:
    video = container.streams.video[0]
    audio = next(iter(container.streams.audio), None)
    return ClipFacts(
        width=video.width,
        height=video.height,
        fps=video.average_rate,
        num_frames=video.frames,
        duration_s=float(video.duration * video.time_base),
        video_codec=video.codec_context.name,
        audio_codec=None if audio is None else audio.codec_context.name,
        audio_duration_s=0.0 if audio is None else float(audio.duration * audio.time_base),
        audio_channels=0 if audio is None else audio.codec_context.layout.nb_channels,
        sample_rate=0 if audio is None else audio.codec_context.sample_rate,
        size_bytes=size_bytes,
    )
