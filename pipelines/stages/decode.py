"""Latents to frames and a waveform: the last stage of a clip, up to the file."""

import logging
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Footage:
    """A decoded clip in memory."""

    video: npt.NDArray[np.uint8]
    """RGB, [frames, height, width, 3]."""
    fps: int
    audio: npt.NDArray[np.float32] | None
    """[channels, samples], -1 to 1; None for a silent clip."""
    sample_rate: int | None
    """Audio samples per second."""


class DecodeStage:
    """The VAEs (and vocoder): video and audio decode apart, so that they can run side by side."""

    def __init__(
        self, video: Any, audio: Any | None, tiling: TilingRule, device: torch.device | str
    ) -> None:
        self._video = video
        self._audio = audio
        self._tiling = tiling
        self._device = device

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
        return cls(load(family.video), audio, rule, device)

    def decode(self, spec: ClipSpec, latents: Parcel) -> Footage:
        """Both, one after the other; without sound when the spec wants none."""
        audio, sample_rate = self.decode_audio(spec, latents) if spec.sound else (None, None)
        return Footage(
            video=self.decode_video(spec, latents),
            fps=spec.fps,
            audio=audio,
            sample_rate=sample_rate,
        )

    def decode_video(self, spec: ClipSpec, latents: Parcel) -> npt.NDArray[np.uint8]:
        """RGB frames, [frames, height, width, 3]; in tiles after all if memory runs out.

        Raises `UnsoundLatents` for what is no picture.
        """
        tiled = self._tiling.wants(spec)
        try:
            frames: torch.Tensor | None = self._frames(spec, latents, tiled=tiled)
        except torch.OutOfMemoryError:
            if tiled:
                raise
            log.warning("out of memory: decoding %dx%d in tiles", spec.width, spec.height)
            frames = None
        if frames is None:
            # Outside the handler, whose traceback keeps the first try's tensors alive.
            torch.cuda.empty_cache()
            frames = self._frames(spec, latents, tiled=True)
        check_decoded(frames, "picture")
        pixels = frames.float().mul(255).round().to(torch.uint8)
        array: npt.NDArray[np.uint8] = pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        check_frames(array)
        return array

    def _frames(self, spec: ClipSpec, latents: Parcel, *, tiled: bool) -> torch.Tensor:
        set_tiling(self._video.vae, tiled=tiled)
        frames: torch.Tensor = self._run(self._video, spec, latents)["videos"][0]
        return frames

    def decode_audio(
        self, spec: ClipSpec, latents: Parcel
    ) -> tuple[npt.NDArray[np.float32], int] | tuple[None, None]:
        """Waveform [channels, samples] and samples per second; nothing from a silent model."""
        if self._audio is None:
            return None, None
        waveform = self._run(self._audio, spec, latents)["audio"][0]
        check_decoded(waveform, "sound")
        rate = int(self._audio.vocoder.config.output_sampling_rate)
        return waveform.float().cpu().numpy(), rate

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
