"""Conditioning to latents, one step at a time: what a gang spends its GPU-seconds on."""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import diffusers
import torch

from pipelines.checkpoint import Checkpoint
from pipelines.handoff import Kind, Parcel
from pipelines.parallel.group import RankGroup
from pipelines.soundness import check_finite, check_latents
from pipelines.spec import ClipSpec
from pipelines.stages.denoiser import Denoiser, load_denoiser
from pipelines.stages.inputs import hand_on, inputs_for, spec_inputs, take_up
from pipelines.stages.scheduler_state import freeze, thaw
from pipelines.tuning.attention import choose_attention, use_attention
from pipelines.tuning.offload import Offload, place, release

CONDITIONING, CARRIED, SCHEDULER = "conditioning/", "carried/", "scheduler/"


class StaleCheckpoint(Exception):
    """A job checkpoint of another model, clip or library: the job must start at step 0."""


class DenoiseStage:
    """The transformer, or two of them; several jobs may be under way at once."""

    def __init__(self, denoiser: Denoiser, offload: Offload = "none") -> None:
        self._denoiser = denoiser
        self._offload: Offload | None = offload

    @classmethod
    def load(
        cls,
        checkpoint: Checkpoint,
        *,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
        ranks: RankGroup | None = None,
        offload: Offload = "none",
    ) -> "DenoiseStage":
        """Load transformer and scheduler alone; of the VAEs, the configuration.

        Each rank of a gang calls this, loads its part onto its device, and from then on makes the
        same calls as the others: all have the full latents, so a checkpoint is any one's.
        """
        return cls(
            load_denoiser(checkpoint, dtype=dtype, device=device, ranks=ranks, offload=offload),
            offload,
        )

    def use_attention(self, asked: str) -> str:
        """Run with the attention that the settings name; returns the library's name of it.

        Raises `AttentionUnavailable`. The other ranks of a gang take what the first one chose.
        """
        kernel = choose_attention(asked, self._denoiser.attention_needs())
        self.take_attention(kernel)
        return kernel

    def take_attention(self, kernel: str) -> None:
        """Run with these kernels, by the library's name."""
        for transformer in self._denoiser.transformers():
            use_attention(transformer, kernel)

    def use_offload(self, mode: Offload) -> None:
        """Keep the weights this way, with no job under way; the numbers stay the same.

        Raises what the device raises without room for them; another call then goes on from there.
        """
        if mode == self._offload:
            return
        transformers = self._denoiser.transformers()
        self._offload = None
        release(transformers)
        place(transformers, torch.device(self._denoiser.device), mode)
        self._offload = mode

    def begin(self, spec: ClipSpec, conditioning: Parcel) -> "Denoising":
        """A job at step 0."""
        return Denoising(self._denoiser, spec, conditioning)

    def resume(self, spec: ClipSpec, checkpoint: Parcel) -> "Denoising":
        """A job at the step its checkpoint was taken; its latents will be those of no interruption.

        Raises `StaleCheckpoint` when the checkpoint is of another model, clip or library version.
        """
        _same("model or library", checkpoint.values.get("identity"), self._denoiser.identity)
        _same("clip", checkpoint.values.get("clip"), _clip_identity(spec))
        denoising = self.begin(spec, _part(checkpoint, CONDITIONING, "conditioning"))
        denoising.restore(checkpoint)
        return denoising


class Denoising:
    """One running job: the library's denoising loop, unrolled. Not for two threads at a time."""

    def __init__(self, denoiser: Denoiser, spec: ClipSpec, conditioning: Parcel) -> None:
        self._denoiser = denoiser
        self._spec = spec
        self._conditioning = conditioning
        self._pipeline = denoiser.own_pipeline(spec)
        # A CPU generator makes a seed mean the same noise on every device. Only the blocks before
        # the loop draw from it, so running these again is all that resuming needs of it.
        generator = torch.Generator("cpu").manual_seed(spec.seed)
        self._given = {**spec_inputs(spec), "generator": generator}
        state = take_up(conditioning, dtype=denoiser.dtype, device=denoiser.device)
        for name, value in inputs_for(denoiser.block, self._given).items():
            state.set(name, value)
        *before, loop = denoiser.block.get_execution_blocks(**state.values).sub_blocks.values()
        with torch.no_grad():
            for prepare in before:
                _, state = prepare(self._pipeline, state)
            self._variables = loop.get_block_state(state)
        self._state, self._loop = state, loop
        self.step = 0
        """Finished steps."""
        self.steps = len(self._variables.timesteps)
        """Steps in all."""

    def advance(self) -> None:
        """Run one step; a call past the last one is an error."""
        if self.step >= self.steps:
            raise IndexError(f"all {self.steps} steps are done")
        timestep = self._variables.timesteps[self.step]
        with torch.no_grad():
            self._loop.loop_step(self._pipeline, self._variables, i=self.step, t=timestep)
        self.step += 1

    def checkpoint(self) -> Parcel:
        """All that is needed to go on from here in another process.

        Later steps leave it alone, so that it can be packed while they run. The prompt is in it
        only as a digest and as embeddings. Raises `UnsoundLatents` where going on is of no use.
        """
        tensors = {CONDITIONING + k: v for k, v in self._conditioning.tensors.items()}
        values = {CONDITIONING + k: v for k, v in self._conditioning.values.items()}
        carried = {n: getattr(self._variables, n) for n in self._denoiser.family.carried}
        check_finite(carried)
        tensors.update({CARRIED + name: tensor for name, tensor in carried.items()})
        for name, scheduler in self._schedulers().items():
            values[SCHEDULER + name] = freeze(scheduler, SCHEDULER + name, tensors)
        values["identity"] = dict(self._denoiser.identity)
        values["clip"] = _clip_identity(self._spec)
        values["step"] = self.step
        return Parcel("checkpoint", tensors, values)

    def restore(self, checkpoint: Parcel) -> None:
        """Put a job that has just begun where `checkpoint` was taken."""
        device = self._denoiser.device
        for name in self._denoiser.family.carried:
            setattr(self._variables, name, checkpoint.tensors[CARRIED + name].to(device))
        for name, scheduler in self._schedulers().items():
            thaw(scheduler, checkpoint.values[SCHEDULER + name], checkpoint.tensors, device)
        self.step = checkpoint.values["step"]

    def latents(self) -> Parcel:
        """All that decoding needs, once the last step is done; raises `UnsoundLatents`."""
        if self.step < self.steps:
            raise ValueError(f"only {self.step} of {self.steps} steps are done")
        self._loop.set_block_state(self._state, self._variables)
        parcel = hand_on("latents", self._state, self._given, *self._denoiser.decoders)
        check_latents(parcel.tensors)
        return parcel

    def _schedulers(self) -> dict[str, Any]:
        """The pipeline's scheduler, and those that the blocks keep among the loop's variables."""
        kept = {
            name: value
            for name, value in self._variables.as_dict().items()
            if isinstance(value, diffusers.SchedulerMixin)
        }
        return {"scheduler": self._pipeline.scheduler, **kept}


def _clip_identity(spec: ClipSpec) -> dict[str, Any]:
    """The spec, its texts as digests."""
    return {
        name: hashlib.sha256(value.encode()).hexdigest() if isinstance(value, str) else value
        for name, value in dataclasses.asdict(spec).items()
    }


def _same(what: str, found: Any, expected: Mapping[str, Any]) -> None:
    found = found if isinstance(found, dict) else {}
    if differs := sorted(name for name in expected if found.get(name) != expected[name]):
        raise StaleCheckpoint(f"the checkpoint is of another {what}: {', '.join(differs)}")


def _part(parcel: Parcel, prefix: str, kind: Kind) -> Parcel:
    """The parcel that was packed under `prefix` within another one."""
    return Parcel(
        kind,
        {k.removeprefix(prefix): v for k, v in parcel.tensors.items() if k.startswith(prefix)},
        {k.removeprefix(prefix): v for k, v in parcel.values.items() if k.startswith(prefix)},
    )
