"""Frames and sound become one mp4: H.264 and AAC, ready to play while it is still downloading."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
"""One picture: [height, width, 3], RGB."""
Samples = NDArray[np.float32]
"""Sound: [channels, samples], one or two channels, full scale is -1 to 1."""

AAC_SAMPLE_RATES = frozenset(
    {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
)
MUXER_OPTIONS = {"movflags": "+faststart", "fflags": "+bitexact"}
"""The index goes before the media; no encoder version and no creation time go into the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How much time buys how much quality.

    The same input under the same `Encoding` gives the same bytes; x264's output depends on the
    number of threads, so it is stated here and never guessed from the machine.
    """

    crf: int = 18
    """x264's constant rate factor; 18 is where people stop seeing a difference."""
    preset: str = "veryfast"
    """At crf 18 a slower preset keeps the quality and costs 4 times the time (`medium`)."""
    threads: int = 1
    keyframe_every_s: int = 2
    """A player can only seek to a keyframe."""


def write_clip(
    path: Path,
    video: Iterable[Frame],
    fps: int,
    audio: Samples | None = None,
    sample_rate: int | None = None,
    encoding: Encoding = Encoding(),
) -> int:
    """Write the clip to `path`; returns the number of frames.

    `video` is an array [frames, height, width, 3] or any iterable of frames, read once and in
    order, so that decoding can overlap with encoding. Odd sizes grow by one repeated row or column
    (4:2:0 chroma needs even ones). Sound is cut, or padded with silence, to the length of the
    video; without sound the file has no audio track. On any error no file is left behind. Raises
    ValueError for input that is no such video or sound.
    """
    if fps < 1:
        raise ValueError(f"fps must be at least 1, got {fps}")
    sound = None if audio is None else _Sound(audio, sample_rate, fps)
    with _new_file(path) as container:
        return _encode(container, video, fps, sound, encoding)


@contextmanager
def _new_file(path: Path) -> Iterator[Any]:
    try:
        with av.open(str(path), "w", format="mp4", options=MUXER_OPTIONS) as container:
            yield container
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _encode(
    container: Any, video: Iterable[Frame], fps: int, sound: "_Sound | None", encoding: Encoding
) -> int:
    frames = iter(video)
    first = next(frames, None)
    if first is None:
        raise ValueError("a clip needs at least one frame")
    picture = _video_stream(container, _even(first), fps, encoding)
    track: Any = None if sound is None else _audio_stream(container, sound)
    count = 0
    for frame in chain([first], frames):
        if frame.shape != first.shape:
            raise ValueError(f"frame {count} is {frame.shape}, the first one is {first.shape}")
        container.mux(picture.encode(_video_frame(_even(frame), count, fps)))
        if sound is not None:
            container.mux(track.encode(sound.slice(count)))
        count += 1
    for stream in (picture, track):
        if stream is not None:
            container.mux(stream.encode())
    return count


def _video_stream(container: Any, first: Frame, fps: int, encoding: Encoding) -> Any:
    options = {
        "crf": str(encoding.crf),
        "preset": encoding.preset,
        "flags": "+bitexact",
        # Macroblock-tree rate control reads memory that nobody set at small sizes: with it, the
        # same frames may give other bytes.
        "x264-params": "mbtree=0",
    }
    stream = container.add_stream("libx264", rate=fps, options=options)
    stream.height, stream.width = first.shape[:2]
    stream.pix_fmt = "yuv420p"
    codec = stream.codec_context
    codec.thread_count = encoding.threads
    codec.gop_size = encoding.keyframe_every_s * fps
    codec.color_primaries = ColorPrimaries.BT709
    codec.color_trc = ColorTrc.BT709
    codec.colorspace = Colorspace.ITU709
    codec.color_range = ColorRange.MPEG
    return stream


def _audio_stream(container: Any, sound: "_Sound") -> Any:
    stream = container.add_stream(
        "aac", rate=sound.sample_rate, layout=sound.layout, options={"flags": "+bitexact"}
    )
    # AAC allows 6 bits a sample and channel; 4 leave it room, 96 kbit/s are enough for any rate.
    stream.bit_rate = min(96_000, 4 * sound.sample_rate) * sound.channels
    return stream


def _video_frame(frame: Frame, index: int, fps: int) -> Any:
    picture = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
    picture.pts = index
    picture.time_base = Fraction(1, fps)
    return picture


def _even(frame: Frame) -> Frame:
    """The frame with even sizes, as contiguous memory."""
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise ValueError(f"a frame is uint8 [height, width, 3], got {frame.dtype} {frame.shape}")
    height, width = frame.shape[:2]
    if height % 2 or width % 2:
        frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(frame)


class _Sound:
    """The sound of a clip, cut into one slice per video frame.

    Frame k owns the samples from k * rate // fps to (k + 1) * rate // fps, so after any number of
    frames both tracks have the same length to within one sample.
    """

    def __init__(self, samples: Samples, sample_rate: int | None, fps: int) -> None:
        if sample_rate not in AAC_SAMPLE_RATES:
            raise ValueError(f"AAC knows no sample rate of {sample_rate} Hz")
        if samples.ndim != 2 or samples.shape[0] not in (1, 2):
            raise ValueError(f"sound is [1 or 2 channels, samples], got {samples.shape}")
        # The encoder refuses a whole clip over one NaN.
        self._samples = np.nan_to_num(samples.astype(np.float32), posinf=1.0, neginf=-1.0)
        self._fps = fps
        self.sample_rate: int = sample_rate
        self.channels = samples.shape[0]
        self.layout = "mono" if self.channels == 1 else "stereo"

    def slice(self, frame: int) -> Any:
        """The sound that belongs to a video frame."""
        start = frame * self.sample_rate // self._fps
        end = (frame + 1) * self.sample_rate // self._fps
        part = np.clip(self._samples[:, start:end], -1.0, 1.0)
        missing = (end - start) - part.shape[1]
        padded = np.ascontiguousarray(np.pad(part, ((0, 0), (0, missing))))
        sound = av.AudioFrame.from_ndarray(padded, format="fltp", layout=self.layout)
        sound.sample_rate = self.sample_rate
        sound.pts = start
        sound.time_base = Fraction(1, self.sample_rate)
        return sound
