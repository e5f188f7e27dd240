"""What is measured: one model on one device, as the service runs it and as the library does."""

import gc
import time
from dataclasses import dataclass, replace
from typing import Any

import diffusers
import torch

from benchmarks.denoising.stock import StockLoop
from pipelines.embedded.place import WEIGHTS
from pipelines.handoff import Parcel
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipRequest, ClipSpec, resolve
from pipelines.stages.components import outline
from pipelines.stages.denoise import DenoiseStage, Denoising
from pipelines.stages.encode import EncodeStage

PROMPT = "a red ball bounces on a white background"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A stage of ours and the library's loop over one and the same transformer."""

    name: str
    spec: ClipSpec
    conditioning: Parcel
    stage: DenoiseStage
    stock: StockLoop
    transformer: Any
    device: torch.device

    def settle(self) -> None:
        """Wait until the device has done all it was told to."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def with_steps(self, steps: int) -> "Subject":
        """The same with another number of steps."""
        return replace(self, spec=replace(self.spec, steps=steps))

    def begin(self) -> Denoising:
        """A job at step 0, with the device at rest."""
        denoising = self.stage.begin(self.spec, self.conditioning)
        self.settle()
        return denoising

    def stock_run(self) -> tuple[float, torch.Tensor]:
        """Seconds of the library's whole loop, and its latents."""
        return self.stock.run(self.spec, self.conditioning, self.settle)

    def our_run(self) -> tuple[float, torch.Tensor]:
        """Seconds of all `advance()` calls, as a gang makes them, and the latents."""
        denoising = self.begin()
        began = time.perf_counter()
        while denoising.step < denoising.steps:
            denoising.advance()
        self.settle()
        return time.perf_counter() - began, denoising.latents().tensors["latents"]

    def tidy(self) -> None:
        """Give back the memory of what was measured last."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def embedded() -> Subject:
    """The embedded model at its default clip, on the CPU; both sides load it by themselves."""
    checkpoint = open_checkpoint(str(WEIGHTS))
    family, dtype, device = checkpoint.family, torch.float32, torch.device("cpu")
    spec = resolve(ClipRequest(prompt=PROMPT), family.limits, fresh_seed=3)
    conditioning = EncodeStage.load(checkpoint, dtype=dtype).encode(spec)
    stage = DenoiseStage.load(checkpoint, dtype=dtype)
    transformer = diffusers.LTX2VideoTransformer3DModel.from_pretrained(
        WEIGHTS / "transformer", torch_dtype=dtype
    )
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler.from_pretrained(WEIGHTS / "scheduler")
    guiders = {
        name: diffusers.LTX2Guidance(**{"guidance_scale": spec.guidance_scale, **options})
        for name, options in family.guiders.items()
    }
    outlines = {name: outline(checkpoint, name) for name in family.config_only}
    parts = {"transformer": transformer.eval(), "scheduler": scheduler, **guiders, **outlines}
    return Subject(
        name=f"embedded {spec.width}x{spec.height}x{spec.num_frames}, {spec.steps} steps",
        spec=spec,
        conditioning=conditioning,
        stage=stage,
        stock=StockLoop(family.blocks, parts, dtype=dtype, device=device),
        transformer=transformer,
        device=device,
    )
