"""The device's thread: denoising steps one after another, until done or told to stop."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pipelines.handoff import Parcel


class Steps(Protocol):
    """A job that is denoised step by step."""

    step: int
    steps: int

    def advance(self) -> None: ...
    def checkpoint(self) -> Parcel: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """A finished step and the seconds it took; with a checkpoint of it when one is due."""

    step: int
    seconds: float
    started_at: float
    checkpoint: Parcel | None = None


class StepRunner:
    """Runs one job's steps on the calling thread; `stop` may be called from any other."""

    def __init__(self, denoising: Steps, *, checkpoint_every_s: float) -> None:
        self._denoising = denoising
        self._every_s = checkpoint_every_s
        self._stop = threading.Event()

    def stop(self) -> None:
        """Ask for a halt after the step that is running."""
        self._stop.set()

    def run(self, emit: Callable[[Stepped], object]) -> bool:
        """Advance to the last step; False when stopped before it. `emit` gets every step."""
        denoising = self._denoising
        saved_at = time.monotonic()
        while denoising.step < denoising.steps:
            if self._stop.is_set():
                return False
            began, wall = time.monotonic(), time.time()
            denoising.advance()
            ended = time.monotonic()
            due = ended - saved_at >= self._every_s and denoising.step < denoising.steps
            emit(
                Stepped(
                    step=denoising.step,
                    seconds=ended - began,
                    started_at=wall,
                    checkpoint=denoising.checkpoint() if due else None,
                )
            )
            saved_at = time.monotonic() if due else saved_at
        return True
