"""Prompt and picture to conditioning: the first stage of a clip."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
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
TEXTS = ("prompt", "negative_prompt")


class EncodeStage:
    """Text encoder, and what turns a first frame into latents; no transformer."""

    def __init__(
        self, family: Family, pipeline: Any, denoise: Any, identity: Mapping[str, str]
    ) -> None:
        self._family = family
        self._pipeline = pipeline
        self._denoise = denoise
        self._identity = identity

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
        identity = {"fingerprint": checkpoint.fingerprint(names), "dtype": str(dtype)}
        return cls(family, pipeline, family_block(checkpoint, family.denoise), identity)

    def encode(self, spec: ClipSpec, picture: Image.Image | None = None) -> Parcel:
        """The conditioning of one clip; a picture is cropped to the clip's size first."""
        if spec.has_image != (picture is not None):
            raise ValueError("a picture must be given exactly when the spec says so")
        given = self._given(spec)
        if picture is not None:
            given["image"] = fit_picture(picture, spec.width, spec.height)
        state = self._pipeline(**inputs_for(self._pipeline.blocks, given))
        return hand_on("conditioning", state, given, self._denoise)

    def encode_together(self, specs: Sequence[ClipSpec]) -> list[Parcel]:
        """The conditioning of several clips without a picture, in one run of the text encoder."""
        given = self._given(specs[0])
        given |= {name: [getattr(spec, name) for spec in specs] for name in TEXTS}
        state = self._pipeline(**inputs_for(self._pipeline.blocks, given))
        together = hand_on("conditioning", state, given, self._denoise)
        values = {n: 1 if n == "batch_size" else v for n, v in together.values.items()}
        return [
            Parcel(
                "conditioning",
                {name: tensor[i : i + 1] for name, tensor in together.tensors.items()},
                values,
            )
            for i in range(len(specs))
        ]

    def neutral_batch(self, probe: ClipSpec, most: int) -> int:
        """How many prompts, up to `most`, one run may encode without any bit coming out otherwise.

        Which kernels run, and so how they round, depends on the device, the dtype and the number of
        prompts, and not on what they say: all are padded to one length. So it is tried.
        """
        said = ("snow falls on a lake " * 8, "", "a", "a red ball bounces")
        probes = [
            dataclasses.replace(probe, has_image=False, prompt=f"{said[i % 4]} {i}")
            for i in range(most)
        ]
        alone = [self.encode(spec).pack() for spec in probes] if most > 1 else []
        for number in range(2, most + 1):
            try:
                together = [parcel.pack() for parcel in self.encode_together(probes[:number])]
            except (RuntimeError, TypeError, ValueError):  # blocks that take one prompt at a time
                return number - 1
            if together != alone[:number]:
                return number - 1
        return max(1, most)

    def key(self, spec: ClipSpec, picture: bytes | None = None) -> str:
        """Digest of all that the conditioning depends on: equal keys, equal conditioning.

        That is the weights, the dtype, and what the blocks that will run read: with a picture also
        its bytes and the clip's size, without one no size at all.
        """
        given = self._given(spec)
        if picture is not None:
            given["image"] = hashlib.sha256(picture).hexdigest()
        blocks = self._pipeline.blocks.get_execution_blocks(**given)
        read = {**self._identity, **inputs_for(blocks, given)}
        if picture is not None:
            read |= {name: given[name] for name in ("image", "width", "height")}
        return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()

    def _given(self, spec: ClipSpec) -> dict[str, Any]:
        return {
            **spec_inputs(spec),
            "max_sequence_length": self._family.max_sequence_length,
            **self._family.encode_options,
        }
