"""Jobs and snapshots as the Gateway meets them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipelines.spec import ClipSpec
from serve.jobs.job import Job, Status
from serve.messages import Snapshot

SPEC = ClipSpec(
    prompt="a kite",
    negative_prompt="birds",
    width=64,
    height=32,
    num_frames=17,
    fps=8,
    steps=4,
    guidance_scale=3.0,
    seed=7,
    sound=True,
    has_image=False,
)
JOB = Job(
    id="video_1",
    account_id="local",
    tier="pro",
    model="tiny",
    spec=SPEC,
    status=Status.QUEUED,
    created_at=1_000.9,
    predicted_gpu_s=2.0,
)
SNAPSHOT = Snapshot(
    epoch=1,
    gangs=(),
    warm_models=frozenset(),
    places={},
    running_eta_s={},
    metrics=b"",
)


@pytest.fixture
def a_job() -> Callable[..., Job]:
    """A job with some fields replaced."""
    return lambda **changes: replace(JOB, **changes)


@pytest.fixture
def a_snapshot() -> Callable[..., Snapshot]:
    """An empty snapshot with some fields replaced."""

    def make(**changes: Any) -> Snapshot:
        return replace(SNAPSHOT, **changes)

    return make
