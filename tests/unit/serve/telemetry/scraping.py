"""A job to be measured, and what a scrape reads of it."""

from dataclasses import replace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from autoscaling.admission import Situation
from autoscaling.load import Load, TierLoad
from autoscaling.ordering import Waiting
from autoscaling.promises import Stretch
from autoscaling.rules import Rules
from autoscaling.tiers import DEFAULT_TIERS, Tiers
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
    timings=Timings(encode_s=0.25, denoise_s=8.0, decode_s=0.25, gpu_s=9.0),
)
TIERS = ("new", "free", "pro")


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(metrics: Metrics) -> Samples:
    """Each sample of a scrape by name and labels."""
    return samples(metrics.exposition())


def samples(exposition: bytes) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(exposition.decode())
        for sample in family.samples
    }


def waiting(job_id: str, tier_rank: int, gpu_s: float, **fields: float) -> Waiting:
    return Waiting(
        job_id=job_id,
        model="tiny",
        tier_rank=tier_rank,
        created_at=0.0,
        predicted_gpu_s=gpu_s,
        **fields,  # type: ignore[arg-type]
    )


def sight(**changes: Any) -> Situation:
    """What the policy sees of three tiers."""
    work = TierLoad(backlog_gpu_s=5.0, promised_gpu_s=7.0)
    ladder = [tier for tier in DEFAULT_TIERS if tier.name in TIERS]
    seen = Situation(
        load=Load(gpus=2.0, tiers=(work,) * 3, paid_wait=0.5, promise_pressure=0.75),
        levels=(1.5, 0.5, 0.0),
        aside=(1.0, 0.25, 0.0),
        stretch=Stretch(),
        rules=Rules(tiers=Tiers(ladder=tuple(ladder))),
    )
    return replace(seen, **changes)


def value(metrics: Metrics, name: str, /, **labels: str) -> float | None:
    return read(metrics).get((name, frozenset(labels.items())))
