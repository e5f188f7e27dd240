"""What goes into the library's blocks, and what of their state is handed on."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers.modular_pipelines.modular_pipeline import PipelineState

from pipelines.handoff import Kind, Parcel
from pipelines.spec import ClipSpec

TAGS = "tags"


def spec_inputs(spec: ClipSpec) -> dict[str, Any]:
    """A clip in the words of the blocks."""
    return {
        "prompt": spec.prompt,
        "negative_prompt": spec.negative_prompt,
        "width": spec.width,
        "height": spec.height,
        "num_frames": spec.num_frames,
        "frame_rate": float(spec.fps),
        "num_inference_steps": spec.steps,
    }


def inputs_for(block: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the given inputs that the block declares."""
    return {name: given[name] for name in block.input_names if name in given}


def hand_on(kind: Kind, state: PipelineState, said: Mapping[str, Any], *blocks: Any) -> Parcel:
    """The parcel of all in `state` that the next `blocks` read and that is not `said` anyway.

    Blocks read values by name, or all that carry a tag; a parcel keeps the tags they read.
    """
    read = {entry.kwargs_type for block in blocks for entry in block.inputs if entry.name is None}
    tags = {tag: names for tag, names in state.kwargs_mapping.items() if tag in read}
    wanted = {name for block in blocks for name in block.input_names}
    wanted.update(name for names in tags.values() for name in names)
    found = {
        name: value
        for name, value in state.values.items()
        if name in wanted and name not in said and value is not None
    }
    tensors = {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}
    values = {name: value for name, value in found.items() if name not in tensors}
    return Parcel(kind, tensors, {**values, TAGS: tags})


def take_up(
    parcel: Parcel, *, device: torch.device | str, dtype: torch.dtype | None = None
) -> PipelineState:
    """A state that holds on `device` what a parcel handed on.

    With `dtype`, embeddings take it and the blocks run the model in it; latents stay in float32.
    """
    state = PipelineState()
    tagged = {name: tag for tag, names in parcel.values[TAGS].items() for name in names}
    for name, tensor in parcel.tensors.items():
        cast = tensor.is_floating_point() and not name.endswith("latents")
        state.set(name, tensor.to(device, dtype if cast else None), tagged.get(name))
    for name, value in parcel.values.items():
        if name != TAGS:
            chosen = dtype if name == "dtype" and dtype else value
            state.set(name, chosen, tagged.get(name))
    return state
