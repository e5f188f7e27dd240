"""What the deployments say to each other. Small values only: tensors travel as artifacts."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from autoscaling.admission import Situation
from pipelines.cost import Calibration
from serve.accounts.news import AccountNews
from serve.jobs.job import Failure, Note, Phase, Status
from serve.telemetry.gpu_reading import GpuReading


class JobFault(Exception):
    """The job itself is at fault, not what runs it: another attempt would end like this one.

    `code` and `message` are what becomes of it. Raised by the stages, across processes.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """The attempt a gang works on, and its last finished step."""

    job_id: str
    epoch: int
    attempt: int
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """How a stage's replica does: where it is, how it came up, and what its GPUs tell."""

    node: str
    """Name of its host or pod."""
    ready_at: float
    """Since when it can serve, in Unix seconds."""
    load_s: float
    """From the start of the replica until then."""
    gpus: tuple[GpuReading, ...] = ()
    """None where there is no NVML, or it has not answered lately."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """What an encoder or a decoder tells the Scheduler now and then."""

    replica: str
    pid: int
    model: str
    stage: Literal["encode", "decode"]
    at_work: int
    """Calls that it is busy with."""
    vitals: Vitals


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseReport:
    """What a gang tells the Scheduler every second."""

    replica: str
    pid: int
    model: str
    shape: str
    devices: int
    """How many devices the gang holds: one a rank."""
    holding: Holding | None
    attention: str = ""
    """The kernels that it runs with, as the library calls them."""
    device_bytes: int | None = None
    """Memory of each of its devices, where there is a limit."""
    vitals: Vitals | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAnswer:
    """The Scheduler's epoch, and whether the gang should go on with what it holds."""

    epoch: int
    keep: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DenoiseOrder:
    """One attempt, as sent to a gang. The spec travels as JSON-ready values."""

    job_id: str
    epoch: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A packed `conditioning` parcel and the seconds it took; it goes straight to a gang."""

    parcel: bytes
    seconds: float
    cached: bool = False
    """Whether it was there already; then it took no seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """Artifact prefix of the clip files, and the seconds that decoding took."""

    prefix: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEvent:
    """Streamed back by a gang: started (at a step), stepped, checkpointed, latents stored."""

    kind: Literal["started", "step", "checkpoint", "latents"]
    step: int
    replica: str
    digest: str = ""
    """SHA-256 of the stored latents, for kind `latents`."""
    seconds: float = 0.0
    """For `started`: what encoding took; for `step`: what the step took."""
    cached: bool | None = None
    """For `started`: whether the encoder had the conditioning already; None if told before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """What Gateways hear of a job: its state after a change."""

    job_id: str
    status: Status
    phase: Phase | None
    step: int
    steps: int
    failure: Failure | None = None
    note: Note | None = None
    """What was decided about it last; None where that is not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePlace:
    """Where a waiting job stands: 0 is next; `eta_s` is when its clip should be ready."""

    position: int
    eta_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GangStatus:
    """A gang as the Scheduler sees it."""

    replica: str
    pid: int
    model: str
    shape: str
    devices: int
    job_id: str | None
    step: int
    attention: str = ""
    device_bytes: int | None = None


def least_device_bytes(model: str, gangs: Iterable[LeaseReport | GangStatus]) -> dict[str, int]:
    """By shape, the memory of the smallest device that the model's gangs have told of.

    A job is sent to *some* gang of a shape, and one shape may have other devices than the next.
    """
    least: dict[str, int] = {}
    for gang in gangs:
        if gang.model == model and gang.device_bytes:
            known = least.get(gang.shape, gang.device_bytes)
            least[gang.shape] = min(known, gang.device_bytes)
    return least


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """How many requests were answered in one way, and what they asked for in GPU-seconds."""

    model: str
    tier: str
    outcome: Literal["admitted", "deferred", "shed"]
    reason: str
    requests: int
    gpu_s: float
    counted: int | None = None
    """Requests of which the GPU-seconds are; None for all. Who comes back was counted before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreErrors:
    """Calls of the stores that failed a Gateway since it last told."""

    jobs: int
    artifacts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The Scheduler's view, sent to each Gateway about once a second."""

    epoch: int
    gangs: tuple[GangStatus, ...]
    warm_models: frozenset[str]
    places: dict[str, QueuePlace]
    running_eta_s: dict[str, float]
    metrics: bytes
    """The Scheduler's metrics in Prometheus text format."""
    page: bytes = b""
    """What operators are told of the load, as JSON."""
    situation: Situation | None = None
    """What requests are decided from."""
    recent_accounts: frozenset[str] = frozenset()
    """Accounts that got a clip within the last half hour: they are in the middle of something."""
    calibration: Calibration = field(default_factory=Calibration)
    """How far predictions of GPU-seconds have been off so far."""
    accounts: AccountNews | None = None
    """Which accounts have changed of late; None while the store does not tell."""
