"""The parts of the settings tree: what can be set, its default, and what it means."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from serve.settings.accounts import ModelName, Size
from serve.settings.replicas import CustomResources, EncoderReplicas, Gangs, Replicas
from serve.settings.section import Section

STAGES = ("encoder", "denoiser", "decoder")
DATABASES = ("sqlite", "postgres", "postgresql")


class Http(Section):
    host: str | None = None
    """Address to listen on. Left out: loopback while no API key exists, else all interfaces."""
    port: int = Field(8000, ge=1, le=65535)
    open_access: bool = False
    """Whether requests without a key are the account `local` while no key exists. `filmgate serve`
    turns it on when it listens on loopback only."""
    gateways: int = Field(1, ge=1)
    """Gateway replicas."""
    gateways_per_node: int | None = Field(None, ge=1, le=100)
    """Left out: as many as fit. With 1, more than one survive any node's death, and need as many
    nodes."""
    max_body_bytes: int = Field(30_000_000, ge=1_000)
    max_image_bytes: int = Field(20_000_000, ge=1_000)
    max_event_streams: int = Field(500, ge=1)
    """Open event streams per Gateway; one more is answered 429."""
    max_load_streams: int = Field(50, ge=1)
    """The same for streams of `/v1/load/events`."""
    operator_key: str | None = Field(None, min_length=16, max_length=512, repr=False)
    """What operators send as their key to see `/v1/load`; no account has it. Left out: nobody sees
    it but on loopback while no API key exists."""
    heartbeat_s: float = Field(15.0, gt=0)
    fetch_private_addresses: bool = False
    """Whether image URLs may lead to private addresses (for tests and closed networks)."""


class Database(Section):
    url: str | None = Field(None, repr=False)
    """SQLAlchemy async URL. Left out: SQLite in the data folder."""

    @field_validator("url")
    @classmethod
    def _place_is_known(cls, url: str | None) -> str | None:
        """A kind that works; a file by its absolute path, since replicas work elsewhere."""
        kind, _, place = (url or "sqlite://").partition("://")
        if kind.partition("+")[0] not in DATABASES:
            raise ValueError(
                "it must begin with sqlite+aiosqlite:/// or postgresql+asyncpg://, such as "
                "postgresql+asyncpg://user:password@host/filmgate"
            )
        path = place.removeprefix("/")
        if kind.startswith("sqlite") and path and not path.startswith(("/", ":", "file:")):
            return f"{kind}:///{Path(path).expanduser().resolve()}"
        return url


class Artifacts(Section):
    url: str | None = Field(None, pattern=r"^s3://[a-z0-9][a-z0-9.-]*(/[A-Za-z0-9._/-]*)?$")
    """`s3://bucket/prefix`. Left out: the folder `artifacts` in the data folder."""
    endpoint: str | None = Field(None, pattern=r"^https?://")
    """Address of an S3 server other than AWS."""
    region: str = "us-east-1"
    access_key_id: str | None = None
    """Left out: what the AWS tools would use here, such as a pod's role."""
    secret_access_key: str | None = Field(None, repr=False)
    min_free_bytes: int = Field(1_000_000_000, ge=0)
    """With less free disk than this, new jobs are refused with 503."""

    @model_validator(mode="after")
    def _keys_come_in_pairs(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("give access_key_id and secret_access_key together, or neither")
        return self


class Jobs(Section):
    max_waiting: int = Field(1_000, ge=1)
    max_run_s: float = Field(6 * 3600.0, gt=0)
    """A job may be in progress this long, over all its attempts."""
    max_crashes: int = Field(3, ge=1)
    retention_s: float = Field(7 * 86_400.0, gt=0)
    checkpoint_every_s: float = Field(10.0, ge=0)
    scan_s: float = Field(1.0, gt=0)


class Lease(Section):
    period_s: float = Field(1.0, gt=0)
    timeout_s: float = Field(10.0, gt=0)
    """A gang that has heard no scheduler for this long stops at the next step."""

    @model_validator(mode="after")
    def _renews_in_time(self) -> Self:
        if self.timeout_s <= self.period_s:
            raise ValueError("timeout_s must be longer than period_s")
        return self


class GangCare(Section):
    """How long a gang's ranks may keep silent before they are taken for dead."""

    rank_timeout_s: float = Field(10.0, gt=0)
    """A process that has not answered for this long is dead, and its whole gang is replaced."""
    step_timeout_s: float = Field(600.0, gt=0)
    """A step that takes longer is one that hangs, though all processes answer: longer than the
    slowest step of the largest clip."""


class Model(Section):
    name: ModelName
    checkpoint: str = "embedded"
    """A hub id, a folder in diffusers format, or `embedded`: the small model that ships along."""
    revision: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    offline: bool = False
    """Load from the local cache only."""
    may_sleep: bool = False
    """Whether readiness may be declared before this model was warm once, and, where replicas come
    and go (`capacity`), whether it has none while nobody asks for it."""
    sizes: tuple[Size, ...] = ()
    """Sizes to offer instead of the family's own, such as `1280x704`; the first is the default."""
    max_frames: int | None = Field(None, ge=1)
    max_steps: int | None = Field(None, ge=1)
    default_steps: int | None = Field(None, ge=1)
    light_steps: int | None = Field(None, ge=1)
    """Fewest steps that a request which takes a lighter clip is given. Left out: half of the
    default."""
    gflops_per_s: float = Field(50_000.0, gt=0)
    """Measured rate of one device on this model, for predicting GPU-seconds."""
    price_per_gpu_s: float = Field(0.0, ge=0)
    """What a GPU-second of a clip costs, in `currency`, before the tier's multiplier."""
    attention: Literal["auto", "native", "xformers", "flash", "sage"] = "auto"
    """The denoiser's attention kernels; `auto` tries those that are exact and takes the fastest."""
    offload: Literal["none", "model", "group"] = "none"
    """Whether weights wait in the host's memory, by whole models or by layers, on small cards."""
    encoder: EncoderReplicas = EncoderReplicas()
    denoiser: Replicas = Replicas()
    decoder: Replicas = Replicas()
    gangs: tuple[Gangs, ...] = ()
    """Denoisers by shape. Left out: `denoiser.replicas` gangs of one rank."""

    @property
    def shapes(self) -> tuple[Gangs, ...]:
        """The gangs to run, each shape once."""
        one_rank = Gangs(min=self.denoiser.replicas, max=self.denoiser.max_replicas)
        return self.gangs or (one_rank,)

    @model_validator(mode="after")
    def _each_shape_is_said_once(self) -> Self:
        names = [str(gangs.shape) for gangs in self.gangs]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"the gang shape {', '.join(repeated)} is there more than once: say in min and "
                "max how many"
            )
        for name in ("replicas", "max_replicas"):
            said = getattr(self.denoiser, name)
            if self.gangs and said != Replicas.model_fields[name].default:
                raise ValueError(
                    f"denoiser.{name} is {said}, and gangs says how many of each shape: leave "
                    f"denoiser.{name} out"
                )
        return self

    @model_validator(mode="after")
    def _some_gang_is_there(self) -> Self:
        if not self.may_sleep and not any(gangs.min for gangs in self.shapes):
            raise ValueError(
                "every shape in gangs has min 0: set may_sleep for a model that nobody waits for, "
                "or a min above 0"
            )
        return self

    @model_validator(mode="after")
    def _has_the_device(self) -> Self:
        """What needs a GPU is refused here rather than by a replica that cannot start."""
        without = [s for s in STAGES if not getattr(self, s).num_gpus]
        if self.attention not in ("auto", "native") and "denoiser" in without:
            raise ValueError(
                f"attention: {self.attention} needs a GPU: give the denoiser num_gpus, or use "
                "attention: auto or native"
            )
        if self.offload != "none" and without:
            raise ValueError(
                f"offload: {self.offload} moves weights to a GPU: give num_gpus to "
                f"{' and '.join(without)}, or use offload: none"
            )
        return self

    @model_validator(mode="after")
    def _ranks_have_devices_of_their_own(self) -> Self:
        several = ", ".join(str(gangs.shape) for gangs in self.shapes if gangs.shape.world > 1)
        if self.offload != "none" and several:
            raise ValueError(
                f"offload: {self.offload} is for gangs of one rank, and gangs has {several}: more "
                "tp makes a rank's weights smaller too"
            )
        if 0 < self.denoiser.num_gpus < 1 and several:
            raise ValueError(
                f"denoiser.num_gpus is {self.denoiser.num_gpus:g}, and gangs has {several}: each "
                "rank of a gang needs a GPU of its own, so set it to 1, or to 0 to run on CPUs"
            )
        return self

    @field_validator("checkpoint")
    @classmethod
    def _folder_is_absolute(cls, checkpoint: str) -> str:
        """Replicas work in folders of their own: a relative path would mean nothing to them."""
        path = Path(checkpoint).expanduser()
        is_folder = checkpoint.startswith(("/", "./", "../", "~")) or path.is_dir()
        return str(path.resolve()) if checkpoint != "embedded" and is_folder else checkpoint


EMBEDDED_MODEL = Model(name="filmgate-tiny", dtype="float32", gflops_per_s=100.0)
"""One torch thread a stage: a model this small waits longer for its threads to meet than it
gains by them, and on a laptop they meet late (12 steps on two busy cores: 1.2 s with one thread,
2.2 s with two)."""


class RayCluster(Section):
    address: str | None = None
    """Address of a running cluster (`auto` finds one). Left out: start one on this machine."""
    num_cpus: float | None = Field(None, gt=0)
    """Logical CPUs of the local cluster. Left out: as many as the replicas ask for, at least 2."""
    object_store_bytes: int = Field(200_000_000, ge=80_000_000)
    control_resources: CustomResources = Field({})
    """Custom resources of Ray that the Scheduler and each Gateway need, such as `{control: 0.1}`:
    they run where nodes have them."""


class Log(Section):
    format: Literal["text", "json"] = "text"
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
