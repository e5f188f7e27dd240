"""What jobs should still cost, learnt from the stages and steps that were seen to finish."""

from collections.abc import Mapping

from pipelines.cost import Calibration, Stage, StageCosts
from serve.jobs.job import Job, Phase
from serve.models import OfferedModel


class Costs:
    """Predictions of the cost model, corrected per model and stage by what was observed."""

    def __init__(self, models: Mapping[str, OfferedModel]) -> None:
        self._models = models
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

    def remaining_s(self, job: Job) -> float:
        """GPU-seconds until the job's clip, from where it stands."""
        costs = self.calibration.corrected(job.model, self._plain(job))
        if job.phase is Phase.DECODE:
            return costs.decode_s
        return costs.remaining_s(job.step, job.spec.steps)

    def _plain(self, job: Job) -> StageCosts:
        model = self._models.get(job.model)
        return model.costs(job.spec) if model else StageCosts(encode_s=0, denoise_s=0, decode_s=0)

    def _learn(self, job: Job, stage: Stage, predicted_s: float, observed_s: float) -> None:
        self.calibration = self.calibration.observed(
            job.model, stage, predicted_s=predicted_s, observed_s=observed_s
        )
