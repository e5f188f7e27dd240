"""Prompt and picture to conditioning: the first stage of a clip."""

from types import SimpleNamespace
from typing import Any

import diffusers
import torch
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.families.family import Family
from pipelines.handoff import Parcel
from pipelines.media.pictures import fit_picture
from pipelines.spec import ClipSpec
from pipelines.stages.components import components_of, family_block, load_pipeline
from pipelines.stages.inputs import hand_on, inputs_for, spec_inputs
from pipelines.tuning.offload import Offload

# Any scale but 1 makes the blocks encode the negative prompt as well, which denoising always gets:
# a job's own scale concerns denoising alone.
ENCODE_GUIDANCE = 5.0


class EncodeStage:
    """Text encoder, and what turns a first frame into latents; no transformer."""

    def __init__(self, family: Family, pipeline: Any, denoise: Any) -> None:
        self._family = family
        self._pipeline = pipeline
        self._denoise = denoise

    @classmethod
    def load(
        cls,
        checkpoint: Checkpoint,
        *,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
        offload: Offload = "none",
    ) -> "EncodeStage":
        """Load the encoders alone; the other components' folders need not exist."""
        family = checkpoint.family
        blocks = diffusers.SequentialPipelineBlocks.from_blocks_dict(
            {path: family_block(checkpoint, path) for path in family.encode}
        )
        names = components_of(blocks, checkpoint)
        pipeline = load_pipeline(
            checkpoint, blocks, names=names, dtype=dtype, device=device, offload=offload
        )
        if hasattr(pipeline, "guider"):
            guider = getattr(diffusers, family.guider)
            pipeline.guider = guider(guidance_scale=ENCODE_GUIDANCE)
        for name in family.encode_dtype_of:
            setattr(pipeline, name, SimpleNamespace(dtype=dtype))
        return cls(family, pipeline, family_block(checkpoint, family.denoise))

    def encode(self, spec: ClipSpec, picture: Image.Image | None = None) -> Parcel:
        """The conditioning of one clip; a picture is cropped to the clip's size first."""
        if spec.has_image != (picture is not None):
            raise ValueError("a picture must be given exactly when the spec says so")
        given = {
            **spec_inputs(spec),
            "max_sequence_length": self._family.max_sequence_length,
            **self._family.encode_options,
        }
        if picture is not None:
            given["image"] = fit_picture(picture, spec.width, spec.height)
        state = self._pipeline(**inputs_for(self._pipeline.blocks, given))
        return hand_on("conditioning", state, given, self._denoise)
