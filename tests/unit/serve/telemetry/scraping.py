"""A job to be measured, and what a scrape reads of it."""

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from pipelines.spec import ClipSpec
from serve.jobs.job import Job, Phase, Status, Timings
from serve.telemetry.metrics import Metrics

PROMPT = "a secret lighthouse"
SPEC = ClipSpec(
    prompt=PROMPT,
    negative_prompt="drizzle",
    width=96,
    height=64,
    num_frames=17,
    fps=8,
    steps=10,
    guidance_scale=3.0,
    seed=1,
    sound=True,
    has_image=False,
)
JOB = Job(
    id="video_7",
    account_id="account_9",
    tier="free",
    model="tiny",
    spec=SPEC,
    status=Status.IN_PROGRESS,
    created_at=1_000.0,
    started_at=1_004.0,
    predicted_gpu_s=3.0,
    phase=Phase.DENOISE,
)
DONE = replace(
    JOB,
    status=Status.COMPLETED,
    completed_at=1_016.0,
    timings=Timings(denoise_s=8.0, gpu_s=9.0),
)


def read(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Each sample of a scrape by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return read(metrics).get((name, frozenset(labels.items())))
