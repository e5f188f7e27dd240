"""The baseline: the library's own denoise block with its own loop, on the same components."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import diffusers
import torch

from pipelines.handoff import Parcel
from pipelines.spec import ClipSpec
from pipelines.stages.inputs import inputs_for, spec_inputs, take_up


class StockLoop:
    """Plain diffusers: nothing between its loop and the transformer is ours."""

    def __init__(
        self,
        blocks: str,
        components: Mapping[str, Any],
        *,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        """`blocks` is the library's class; `components` are what its denoise block works with."""
        self._block: Any = getattr(diffusers, blocks)().sub_blocks["denoise"]
        self._pipeline: Any = self._block.init_pipeline()
        for name, component in components.items():
            if name in self._pipeline.components:
                self._pipeline.update_components(**{name: component})
            else:
                setattr(self._pipeline, name, component)
        self._dtype, self._device = dtype, device

    def run(
        self, spec: ClipSpec, conditioning: Parcel, settle: Callable[[], None]
    ) -> tuple[float, torch.Tensor]:
        """Seconds of the loop alone, and its latents; `settle` waits for the device."""
        generator = torch.Generator("cpu").manual_seed(spec.seed)
        state = take_up(conditioning, dtype=self._dtype, device=self._device)
        given = {**spec_inputs(spec), "generator": generator}
        for name, value in inputs_for(self._block, given).items():
            state.set(name, value)
        *before, loop = self._block.get_execution_blocks(**state.values).sub_blocks.values()
        with torch.no_grad():
            for prepare in before:
                _, state = prepare(self._pipeline, state)
            settle()
            began = time.perf_counter()
            _, state = loop(self._pipeline, state)
            settle()
        return time.perf_counter() - began, state.values["latents"]
