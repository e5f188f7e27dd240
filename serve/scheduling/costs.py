"""What jobs should still cost, learnt from the stages and steps that were seen to finish."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pipelines.cost import Calibration, Correction, Stage, StageCosts
from pipelines.spec import ClipRequest, resolve
from serve.jobs.job import Job, Phase
from serve.models import OfferedModel

MOST_KINDS: Final = 4_096
Kind = tuple[object, ...]
"""All of a clip that its costs depend on."""


class Costs:
    """Predictions of the cost model, corrected per model and stage by what was observed."""

    def __init__(self, models: Mapping[str, OfferedModel]) -> None:
        self._models = models
        self._kinds: dict[Kind, StageCosts] = {}
        self.calibration = Calibration()

    def observe(self, job: Job, stage: str, gpu_s: float) -> None:
        """A stage of the job took that much device time; `step` is one denoising step."""
        plain = self._plain(job)
        match stage:
            case "encode":
                self._learn(job, "encode", plain.encode_s, gpu_s)
            case "step":
                self._learn(job, "denoise", plain.denoise_s / job.spec.steps, gpu_s)
            case "decode":
                self._learn(job, "decode", plain.decode_s, gpu_s)

    def plain(self) -> list[list[Any]]:
        """What was learnt, as JSON holds it."""
        return [
            [model, stage, correction.factor, correction.count]
            for (model, stage), correction in self.calibration.corrections.items()
        ]

    def take_up(self, plain: Iterable[tuple[str, Stage, float, int]]) -> None:
        """Go on from there."""
        self.calibration = Calibration(
            corrections={
                (model, stage): Correction(factor=factor, count=count)
                for model, stage, factor, count in plain
            }
        )

    def remaining_s(self, job: Job) -> float:
        """GPU-seconds until the job's clip, from where it stands."""
        costs = self.whole(job)
        if job.phase is Phase.DECODE:
            return costs.decode_s
        return costs.remaining_s(job.step, job.spec.steps)

    def seconds_on(self, job: Job, devices: int, *, whole: bool = False) -> float:
        """How long the rest of the job, or the `whole` of it, takes a gang of so many devices.

        Only denoising is shared by them, and that without loss: what a shape loses, its own steps
        have taught the calibration.
        """
        costs = self.calibration.corrected(job.model, self._plain(job))
        step = 0 if whole else job.step
        denoise_s = costs.denoise_s * (1 - step / job.spec.steps)
        encode_s = costs.encode_s if step == 0 else 0.0
        return encode_s + denoise_s / devices + costs.decode_s

    def whole(self, job: Job) -> StageCosts:
        """GPU-seconds of the job from its first step to its clip, stage by stage."""
        return self.calibration.corrected(job.model, self._plain(job))

    def usual(self, model: str) -> StageCosts:
        """Those of the shortest request, which has all the model's defaults."""
        offered = self._models[model]
        request = ClipRequest(prompt="a", has_image=offered.limits.image == "required")
        spec = resolve(request, offered.limits, fresh_seed=0)
        return self.calibration.corrected(model, offered.costs(spec))

    def _plain(self, job: Job) -> StageCosts:
        """Counted once for each kind of clip: a queue has thousands of jobs and few kinds."""
        spec = job.spec
        size = (spec.width, spec.height, spec.num_frames, spec.fps, spec.steps)
        kind = (job.model, *size, spec.guidance_scale > 1, spec.sound, spec.has_image)
        if (known := self._kinds.get(kind)) is not None:
            return known
        model = self._models.get(job.model)
        costs = model.costs(spec) if model else StageCosts(encode_s=0, denoise_s=0, decode_s=0)
        if len(self._kinds) >= MOST_KINDS:
            self._kinds.clear()
        self._kinds[kind] = costs
        return costs

    def _learn(self, job: Job, stage: Stage, predicted_s: float, observed_s: float) -> None:
        self.calibration = self.calibration.observed(
            job.model, stage, predicted_s=predicted_s, observed_s=observed_s
        )
