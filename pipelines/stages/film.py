"""A clip's file is written while its sound and frames are still being decoded.

The bytes are those of decoding first and writing then: the writer gets the same frames in the same
order, and waits for the sound before the first of them.
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Protocol

from pipelines.handoff import Parcel
from pipelines.media.mux import Frame, write_clip
from pipelines.spec import ClipSpec
from pipelines.stages.decode import Pixels

Sound = tuple[Any, Any]
"""Samples and their rate, or None twice."""


class Decoding(Protocol):
    """What is used of the decode stage."""

    @property
    def side_by_side(self) -> bool: ...
    def decode_video(
        self, spec: ClipSpec, latents: Parcel, hand_over: Any, *, tiled: bool
    ) -> Pixels: ...
    def decode_audio(self, spec: ClipSpec, latents: Parcel) -> Sound: ...


class Film:
    """One clip's file in the making. Left on an error, it leaves no file and no thread behind."""

    def __init__(self, path: Path, spec: ClipSpec) -> None:
        self._path = path
        self._spec = spec
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="film")
        self._parts: SimpleQueue[Pixels | None] = SimpleQueue()
        self._writing: Future[int] | None = None
        self._whole = self._given_up = False

    def __enter__(self) -> "Film":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._given_up = error is not None
        self._parts.put(None)
        self._threads.shutdown()

    def expose(self, stage: Decoding, latents: Parcel, *, tiled: bool = False) -> Pixels:
        """Decode on the calling thread; the file may not be complete yet when this returns."""
        spec = self._spec
        sound: Future[Sound] = Future()
        if not spec.sound:
            sound.set_result((None, None))
        elif stage.side_by_side:
            sound = self._threads.submit(stage.decode_audio, spec, latents)
        else:
            sound.set_result(stage.decode_audio(spec, latents))
        self._writing = self._threads.submit(self._write, sound)
        video = stage.decode_video(spec, latents, self._parts.put, tiled=tiled)
        self._whole = True
        self._parts.put(None)
        return video

    def finish(self) -> None:
        """Wait until the file is complete. Raises what writing, or decoding the sound, raised."""
        if self._writing is None:
            raise RuntimeError("nothing was exposed")
        self._writing.result()

    def _write(self, sound: "Future[Sound]") -> int:
        samples, rate = sound.result()
        return write_clip(self._path, self._frames(), self._spec.fps, samples, rate)

    def _frames(self) -> Iterator[Frame]:
        while (part := self._parts.get()) is not None:
            for frame in part:
                if self._given_up:
                    break
                yield frame
        if self._given_up or not self._whole:
            raise RuntimeError("the frames were not decoded to the end")
