"""Conditioning to latents, one step at a time: what a gang spends its GPU-seconds on."""

import copy
import dataclasses
from typing import Any

import diffusers
import torch
import transformers
from diffusers.modular_pipelines.modular_pipeline import PipelineState

from pipelines.checkpoint import Checkpoint
from pipelines.families.family import Family
from pipelines.handoff import Parcel
from pipelines.spec import ClipSpec
from pipelines.stages.components import components_of, family_block, load_pipeline, outline
from pipelines.stages.inputs import hand_on, inputs_for, spec_inputs, take_up
from pipelines.stages.scheduler_state import freeze, thaw

CONDITIONING, CARRIED, SCHEDULER = "conditioning/", "carried/", "scheduler/"


class StaleCheckpoint(Exception):
    """A job checkpoint of another model, clip or library: the job must start at step 0."""


class DenoiseStage:
    """The transformer (or two of them), shared by jobs; all that a job changes is its own."""

    def __init__(
        self,
        family: Family,
        pipeline: Any,
        block: Any,
        decoders: tuple[Any, ...],
        *,
        dtype: torch.dtype,
        device: torch.device | str,
        identity: dict[str, str],
    ) -> None:
        self._family = family
        self._pipeline = pipeline
        self._block = block
        self._decoders = decoders
        self._dtype = dtype
        self._device = device
        self._identity = identity

    @classmethod
    def load(
        cls, checkpoint: Checkpoint, *, dtype: torch.dtype, device: torch.device | str = "cpu"
    ) -> "DenoiseStage":
        """Load transformer and scheduler alone; of the VAEs, the configuration."""
        family = checkpoint.family
        block = family_block(checkpoint, family.denoise)
        names = [n for n in components_of(block, checkpoint) if n not in family.config_only]
        pipeline = load_pipeline(checkpoint, block, names=names, dtype=dtype, device=device)
        for name in family.config_only:
            # Without it the blocks silently assume the full-size model's compression ratios.
            setattr(pipeline, name, outline(checkpoint, name))
        for name, options in family.guiders.items():
            # Never the blocks' own defaults: these change with how a pipeline is cut.
            setattr(pipeline, name, getattr(diffusers, family.guider)(**options))
        identity = {
            "family": family.name,
            "fingerprint": checkpoint.fingerprint(names),
            "dtype": str(dtype),
            "torch": torch.__version__.partition("+")[0],
            "diffusers": diffusers.__version__,
            "transformers": transformers.__version__,
        }
        paths = [path for path in (family.video, family.audio) if path]
        decoders = tuple(family_block(checkpoint, path) for path in paths)
        return cls(family, pipeline, block, decoders, dtype=dtype, device=device, identity=identity)

    def begin(self, spec: ClipSpec, conditioning: Parcel) -> "Denoising":
        """A job at step 0."""
        return Denoising(
            family=self._family,
            pipeline=self._own_pipeline(spec),
            block=self._block,
            state=take_up(conditioning, dtype=self._dtype, device=self._device),
            spec=spec,
            origin=_Origin(conditioning, self._identity, self._device, self._decoders),
        )

    def resume(self, spec: ClipSpec, checkpoint: Parcel) -> "Denoising":
        """A job at the step its checkpoint was taken; its latents will be those of no interruption.

        Raises `StaleCheckpoint` when the checkpoint is of another model, clip or library version.
        """
        _same("model or library", checkpoint.values.get("identity"), self._identity)
        _same("clip", checkpoint.values.get("spec"), dataclasses.asdict(spec))
        denoising = self.begin(spec, _part(checkpoint, CONDITIONING, "conditioning"))
        denoising.restore(checkpoint)
        return denoising

    def _own_pipeline(self, spec: ClipSpec) -> Any:
        """The shared models with a scheduler and guiders that only one job uses."""
        pipeline = copy.copy(self._pipeline)
        pipeline.scheduler = copy.deepcopy(self._pipeline.scheduler)
        for name, options in self._family.guiders.items():
            guider = copy.deepcopy(getattr(self._pipeline, name))
            guider.guidance_scale = options.get("guidance_scale", spec.guidance_scale)
            setattr(pipeline, name, guider)
        return pipeline


@dataclasses.dataclass(frozen=True, slots=True)
class _Origin:
    """What a job was started from, and what it needs only at its end."""

    conditioning: Parcel
    identity: dict[str, str]
    device: torch.device | str
    decoders: tuple[Any, ...]


class Denoising:
    """One running job: the library's denoising loop, unrolled."""

    def __init__(
        self,
        *,
        family: Family,
        pipeline: Any,
        block: Any,
        state: PipelineState,
        spec: ClipSpec,
        origin: _Origin,
    ) -> None:
        self._family = family
        self._pipeline = pipeline
        self._spec = spec
        self._origin = origin
        # A CPU generator makes a seed mean the same noise on every device. Only the blocks before
        # the loop draw from it, so running these again is all that resuming needs of it.
        generator = torch.Generator("cpu").manual_seed(spec.seed)
        self._given = {**spec_inputs(spec), "generator": generator}
        for name, value in inputs_for(block, self._given).items():
            state.set(name, value)
        *before, loop = block.get_execution_blocks(**state.values).sub_blocks.values()
        with torch.no_grad():
            for prepare in before:
                _, state = prepare(pipeline, state)
            self._variables = loop.get_block_state(state)
        self._loop = loop
        self._state = state
        self.step = 0
        """Finished steps."""
        self.steps = len(self._variables.timesteps)
        """Steps in all."""

    def advance(self) -> None:
        """Run one step; a call past the last one is an error."""
        if self.step >= self.steps:
            raise IndexError(f"all {self.steps} steps are done")
        with torch.no_grad():
            self._loop.loop_step(
                self._pipeline,
                self._variables,
                i=self.step,
                t=self._variables.timesteps[self.step],
            )
        self.step += 1

    def checkpoint(self) -> Parcel:
        """All that is needed to go on from here in another process."""
        conditioning = self._origin.conditioning
        tensors = {CONDITIONING + name: value for name, value in conditioning.tensors.items()}
        values = {CONDITIONING + name: value for name, value in conditioning.values.items()}
        for name in self._family.carried:
            tensors[CARRIED + name] = getattr(self._variables, name)
        for name, scheduler in self._schedulers().items():
            values[SCHEDULER + name] = freeze(scheduler, SCHEDULER + name, tensors)
        values["identity"] = self._origin.identity
        values["spec"] = dataclasses.asdict(self._spec)
        values["step"] = self.step
        return Parcel("checkpoint", tensors, values)

    def restore(self, checkpoint: Parcel) -> None:
        """Put a job that has just begun where `checkpoint` was taken."""
        for name in self._family.carried:
            fresh = getattr(self._variables, name)
            setattr(self._variables, name, checkpoint.tensors[CARRIED + name].to(fresh))
        for name, scheduler in self._schedulers().items():
            thaw(
                scheduler,
                checkpoint.values[SCHEDULER + name],
                checkpoint.tensors,
                self._origin.device,
            )
        self.step = checkpoint.values["step"]

    def latents(self) -> Parcel:
        """All that decoding needs, once the last step is done."""
        if self.step < self.steps:
            raise ValueError(f"only {self.step} of {self.steps} steps are done")
        self._loop.set_block_state(self._state, self._variables)
        return hand_on("latents", self._state, self._given, *self._origin.decoders)

    def _schedulers(self) -> dict[str, Any]:
        """The pipeline's scheduler, and those that the blocks keep among the loop's variables."""
        own = {
            name: value
            for name, value in self._variables.as_dict().items()
            if isinstance(value, diffusers.SchedulerMixin)
        }
        return {"scheduler": self._pipeline.scheduler, **own}


def _same(what: str, found: Any, expected: dict[str, Any]) -> None:
    found = found if isinstance(found, dict) else {}
    if differs := sorted(name for name in expected if found.get(name) != expected[name]):
        raise StaleCheckpoint(f"the checkpoint is of another {what}: {', '.join(differs)}")


def _part(parcel: Parcel, prefix: str, kind: Any) -> Parcel:
    """The parcel that was packed under `prefix` within another one."""
    return Parcel(
        kind,
        {k.removeprefix(prefix): v for k, v in parcel.tensors.items() if k.startswith(prefix)},
        {k.removeprefix(prefix): v for k, v in parcel.values.items() if k.startswith(prefix)},
    )
