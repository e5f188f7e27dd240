"""Latents to frames and a waveform: the last stage of a clip, up to the file."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pipelines.checkpoint import Checkpoint
from pipelines.handoff import Parcel
from pipelines.spec import ClipSpec
from pipelines.stages.components import components_of, family_block, load_pipeline
from pipelines.stages.inputs import inputs_for, spec_inputs, take_up
from pipelines.tuning.offload import Offload


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

    def __init__(self, video: Any, audio: Any | None, device: torch.device | str) -> None:
        self._video = video
        self._audio = audio
        self._device = device

    @classmethod
    def load(
        cls,
        checkpoint: Checkpoint,
        *,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
        offload: Offload = "none",
    ) -> "DecodeStage":
        """Load the decoders alone."""

        def load(path: str) -> Any:
            block = family_block(checkpoint, path)
            names = components_of(block, checkpoint)
            return load_pipeline(
                checkpoint, block, names=names, dtype=dtype, device=device, offload=offload
            )

        family = checkpoint.family
        return cls(load(family.video), load(family.audio) if family.audio else None, device)

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
        """RGB frames, [frames, height, width, 3]."""
        frames = self._run(self._video, spec, latents)["videos"][0]
        pixels = frames.float().mul(255).round().to(torch.uint8)
        array: npt.NDArray[np.uint8] = pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        return array

    def decode_audio(
        self, spec: ClipSpec, latents: Parcel
    ) -> tuple[npt.NDArray[np.float32], int] | tuple[None, None]:
        """Waveform [channels, samples] and samples per second; nothing from a silent model."""
        if self._audio is None:
            return None, None
        waveform = self._run(self._audio, spec, latents)["audio"][0]
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
