"""Latents to frames and a waveform: the last stage of a clip, up to the file."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pipelines.checkpoint import Checkpoint
from pipelines.handoff import Parcel
from pipelines.soundness import check_decoded, check_frames
from pipelines.spec import ClipSpec
from pipelines.stages.components import components_of, family_block, load_pipeline
from pipelines.stages.inputs import inputs_for, spec_inputs, take_up
from pipelines.tuning.offload import Offload
from pipelines.tuning.tiling import TilingRule, set_tiling, tiling_rule

log = logging.getLogger(__name__)

Pixels = npt.NDArray[np.uint8]
"""RGB, [frames, height, width, 3]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """A decoded clip in memory."""

    video: Pixels
    fps: int
    audio: npt.NDArray[np.float32] | None
    """[channels, samples], -1 to 1; None for a silent clip."""
    sample_rate: int | None
    """Audio samples per second."""


class DecodeStage:
    """The VAEs (and vocoder): video and audio decode apart, so that they can run side by side."""

    def __init__(
        self,
        video: Any,
        audio: Any | None,
        tiling: TilingRule,
        device: torch.device | str,
        *,
        in_parts: bool = False,
    ) -> None:
        self._video = video
        self._audio = audio
        self._tiling = tiling
        self._device = torch.device(device)
        self._in_parts = in_parts

    @property
    def side_by_side(self) -> bool:
        """Whether sound and picture are faster beside each other than one after the other.

        They are on a GPU, which neither fills alone; on a CPU each takes cores from the other.
        """
        return self._device.type == "cuda"

    @classmethod
    def load(
        cls,
        checkpoint: Checkpoint,
        *,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
        offload: Offload = "none",
        memory_bytes: int | None = None,
    ) -> "DecodeStage":
        """Load the decoders alone. Clips for which `memory_bytes` do not suffice go in tiles."""

        def load(path: str) -> Any:
            block = family_block(checkpoint, path)
            names = components_of(block, checkpoint)
            return load_pipeline(
                checkpoint, block, names=names, dtype=dtype, device=device, offload=offload
            )

        family = checkpoint.family
        audio = load(family.audio) if family.audio else None
        rule = tiling_rule(checkpoint, memory_bytes=memory_bytes, value_bytes=dtype.itemsize)
        return cls(load(family.video), audio, rule, device, in_parts=family.video_in_parts)

    def decode(self, spec: ClipSpec, latents: Parcel) -> Footage:
        """Both, one after the other; without sound when the spec wants none."""
        audio, sample_rate = self.decode_audio(spec, latents) if spec.sound else (None, None)
        return Footage(
            video=self.decode_video(spec, latents),
            fps=spec.fps,
            audio=audio,
            sample_rate=sample_rate,
        )

    def decode_video(
        self,
        spec: ClipSpec,
        latents: Parcel,
        hand_over: Callable[[Pixels], None] | None = None,
        *,
        tiled: bool = False,
    ) -> Pixels:
        """All frames. `hand_over` gets them as well, in order, as soon as some are decoded.

        In tiles where `tiled` or the clip's size asks for it, and after all if memory runs out
        before a frame was handed over. Raises `UnsoundLatents` for what is no picture.
        """
        tiled = tiled or self._tiling.wants(spec)
        parts: list[Pixels] = []

        def take(part: Pixels) -> None:
            parts.append(part)
            if hand_over:
                hand_over(part)

        try:
            self._frames(spec, latents, take, in_parts=hand_over is not None, tiled=tiled)
        except torch.OutOfMemoryError:
            if tiled or parts:
                raise
            log.warning("out of memory: decoding %dx%d in tiles", spec.width, spec.height)
        if not parts:
            # Outside the handler, whose traceback keeps the first try's tensors alive.
            torch.cuda.empty_cache()
            self._frames(spec, latents, take, in_parts=False, tiled=True)
        video = parts[0] if len(parts) == 1 else np.concatenate(parts)
        check_frames(video)
        return video

    def _frames(
        self,
        spec: ClipSpec,
        latents: Parcel,
        take: Callable[[Pixels], None],
        *,
        in_parts: bool,
        tiled: bool,
    ) -> None:
        vae = self._video.vae
        set_tiling(vae, tiled=tiled)
        if in_parts and self._in_parts and not tiled and not vae.config.patch_size:
            with self._heard(take):
                self._run(self._video, spec, latents)
            return
        frames = self._run(self._video, spec, latents)["videos"][0]
        check_decoded(frames, "picture")
        take(_pixels(frames))

    @contextmanager
    def _heard(self, take: Callable[[Pixels], None]) -> Iterator[None]:
        """Take what the VAE's decoder makes, part by part, through what would follow at the end."""

        def hear(_module: Any, _given: Any, made: torch.Tensor) -> None:
            check_decoded(made, "picture")
            frames = self._video.video_processor.postprocess_video(
                made.clamp(min=-1.0, max=1.0), output_type="pt"
            )
            take(_pixels(frames[0]))

        hook = self._video.vae.decoder.register_forward_hook(hear)
        try:
            yield
        finally:
            hook.remove()

    def decode_audio(
        self, spec: ClipSpec, latents: Parcel
    ) -> tuple[npt.NDArray[np.float32], int] | tuple[None, None]:
        """Waveform [channels, samples] and samples per second; nothing from a silent model."""
        if self._audio is None:
            return None, None
        # On a stream of its own, or a GPU would decode it before or after the picture.
        cuda = self._device.type == "cuda"
        own = torch.cuda.Stream(self._device) if cuda else None  # type: ignore[no-untyped-call]
        with torch.cuda.stream(own) if own else nullcontext():
            waveform = self._run(self._audio, spec, latents)["audio"][0]
            check_decoded(waveform, "sound")
            samples = waveform.float().cpu().numpy()
        return samples, int(self._audio.vocoder.config.output_sampling_rate)

    def _run(self, pipeline: Any, spec: ClipSpec, latents: Parcel) -> dict[str, Any]:
        given = {
            **spec_inputs(spec),
            **take_up(latents, device=self._device).values,
            # For VAEs that add noise while they decode.
            "generator": torch.Generator("cpu").manual_seed(spec.seed),
            "output_type": "pt",
        }
        outputs: dict[str, Any] = pipeline(**inputs_for(pipeline.blocks, given)).values
        return outputs


def _pixels(frames: torch.Tensor) -> Pixels:
    """From [frames, 3, height, width], 0 to 1."""
    pixels = frames.float().mul(255).round().to(torch.uint8)
    array: Pixels = pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return array
