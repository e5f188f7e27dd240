"""What GET /v1/load tells operators: everything that a page about the cluster's load shows.

Seconds and bytes are plain numbers, `..._at` are Unix seconds; null stands for what is not known.
"""

from typing import Literal

from pydantic import BaseModel

Phase = Literal["idle", "encode", "denoise", "decode"]


class LoadGpu(BaseModel):
    """A GPU as NVML reads it, and what the replicas on it do."""

    node: str
    gpu: str
    name: str
    phase: Phase
    utilisation: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    power_watts: float | None
    power_limit_watts: float | None
    temperature_celsius: float | None
    throttled: list[str] | None
    xid_errors: int | None
    last_xid: int | None
    models: list[str]
    replicas: list[str]


class LoadJob(BaseModel):
    """A job in progress."""

    id: str
    model: str
    tier: str
    phase: Literal["starting", "encode", "denoise", "decode"]
    step: int
    steps: int
    attempt: int
    started_at: float | None
    eta_seconds: float | None


class LoadGang(BaseModel):
    """A gang that reports, and the job that it runs."""

    replica: str
    node: str | None
    pid: int
    model: str
    shape: str
    devices: int
    attention: str
    ready_at: float | None
    job: LoadJob | None


class LoadPool(BaseModel):
    """The replicas of one stage of a model; of its denoiser, of one shape."""

    model: str
    stage: Literal["encode", "denoise", "decode"]
    shape: str | None
    wanted: int
    running: int
    starting: int
    least: int
    most: int
    at_limit: bool


class LoadTier(BaseModel):
    """A tier's gate and jobs. `offered` is what it asks for, as a part of what the GPUs can do."""

    tier: str
    paid: bool
    gate: Literal["open", "deferring", "shedding", "closed"]
    saturation: float | None
    turned_aside: float
    offered: float | None
    drain_seconds: float | None
    waiting: int
    running: int
    deferred: int
    promised_gpu_seconds: float


class LoadQueue(BaseModel):
    """What waits for a gang of one model, of one tier; `eta_seconds` is when the last is done."""

    model: str
    tier: str
    waiting: int
    late: int
    gpu_seconds: float
    oldest_wait_seconds: float
    eta_seconds: float | None


class LoadFailure(BaseModel):
    """A job that failed, or an attempt that broke and whose job goes on."""

    at: float
    what: Literal["job", "attempt"]
    job_id: str
    model: str
    tier: str
    phase: str
    reason: str


class LoadTotals(BaseModel):
    """Over all models and tiers; the last two are of the last hour."""

    waiting: int
    running: int
    deferred: int
    gangs: int
    gangs_busy: int
    oldest_wait_seconds: float
    completed: int
    failed: int


class LoadView(BaseModel):
    """The cluster at `at`, as the Scheduler with this epoch sees it."""

    object: Literal["load"] = "load"
    at: float
    version: str
    epoch: int
    gpus_counted: float
    """Devices of healthy gangs; those below are GPUs, as far as NVML tells of them."""
    drain_seconds: float | None
    drain_target_seconds: float | None
    paid_wait: float | None
    promise_pressure: float | None
    gpu_budget: float | None
    totals: LoadTotals
    gpus: list[LoadGpu]
    gangs: list[LoadGang]
    elsewhere: list[LoadJob]
    """Jobs in progress that no gang holds: on their way to one, or being decoded."""
    tiers: list[LoadTier]
    queues: list[LoadQueue]
    replicas: list[LoadPool]
    failures: list[LoadFailure]
    """The newest first, bounded in number."""
