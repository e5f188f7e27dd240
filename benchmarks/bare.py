"""The baseline: the library's own one-piece pipeline, loaded once in this process, and the mux."""

import time
from pathlib import Path
from typing import Any

import torch
from diffusers import LTX2AutoBlocks, LTX2Guidance
from diffusers.utils import logging as library_logging

from pipelines.media.mux import write_clip
from pipelines.registry import open_checkpoint


class BarePipeline:
    """Plain diffusers on the embedded checkpoint, at the settings that the service uses."""

    def __init__(self, checkpoint: Path, *, threads: int) -> None:
        torch.set_num_threads(threads)
        library_logging.disable_progress_bar()
        library_logging.set_verbosity_error()
        blocks = LTX2AutoBlocks()
        for unused in ("prompt_enhancer", "duration"):
            blocks.sub_blocks.pop(unused)
        self._pipeline: Any = blocks.init_pipeline(str(checkpoint))
        self._pipeline.load_components(dtype=torch.float32)
        self._tokens = open_checkpoint(str(checkpoint)).family.max_sequence_length

    def clip(self, path: Path, video: dict[str, Any]) -> float:
        """Make the clip that a finished job of the service describes; seconds it took."""
        began = time.perf_counter()
        width, height = (int(side) for side in video["size"].split("x"))
        guidance = float(video["guidance_scale"])
        self._pipeline.update_components(
            guider=LTX2Guidance(guidance_scale=guidance),
            audio_guider=LTX2Guidance(guidance_scale=guidance),
        )
        state = self._pipeline(
            prompt=video["prompt"],
            negative_prompt=video.get("negative_prompt") or "",
            width=width,
            height=height,
            num_frames=video["num_frames"],
            frame_rate=float(video["fps"]),
            num_inference_steps=video["steps"],
            max_sequence_length=self._tokens,
            generator=torch.Generator("cpu").manual_seed(video["seed"]),
            output_type="np",
        )
        frames = (state.get("videos")[0] * 255).round().astype("uint8")
        audio = state.get("audio")[0].float().cpu().numpy()
        rate = self._pipeline.vocoder.config.output_sampling_rate
        write_clip(path, frames, video["fps"], audio, rate)
        return time.perf_counter() - began
