"""The settings: one immutable tree, read once from a YAML file and `FILMGATE_` variables.

The only file that reads the environment. `FILMGATE_HTTP__PORT=9000` sets `http.port`; a YAML file
says the same as `http: {port: 9000}`; the environment wins.
"""

import difflib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)


class SettingsError(Exception):
    """The settings are wrong; the message says where, and what would be right."""


class Section(BaseModel):
    """A part of the tree: immutable, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Http(Section):
    host: str | None = None
    """Address to listen on. Left out: loopback while no API key exists, else all interfaces."""
    port: int = Field(8000, ge=1, le=65535)
    gateways: int = Field(1, ge=1)
    """Gateway replicas."""
    max_body_bytes: int = Field(30_000_000, ge=1_000)
    max_image_bytes: int = Field(20_000_000, ge=1_000)
    max_event_streams: int = Field(500, ge=1)
    """Open event streams per Gateway; one more is answered 429."""
    heartbeat_s: float = Field(15.0, gt=0)
    fetch_private_addresses: bool = False
    """Whether image URLs may lead to private addresses (for tests and closed networks)."""


class Database(Section):
    url: str | None = None
    """SQLAlchemy async URL. Left out: SQLite in the data folder."""


class Artifacts(Section):
    url: str | None = None
    """`s3://bucket/prefix`. Left out: the folder `artifacts` in the data folder."""
    endpoint: str | None = None
    region: str = "us-east-1"
    access_key_id: str | None = None
    secret_access_key: str | None = None
    min_free_bytes: int = Field(1_000_000_000, ge=0)
    """With less free disk than this, new jobs are refused with 503."""


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


class Replicas(Section):
    """Resources of one stage. CPUs are logical: they only tell Ray what fits on a node."""

    replicas: int = Field(1, ge=1)
    num_cpus: float = Field(0.25, ge=0)
    num_gpus: float = Field(0.0, ge=0)
    threads: int = Field(1, ge=1)
    """Torch threads of each replica."""


class Model(Section):
    name: str = Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$")
    checkpoint: str = "embedded"
    """A hub id, a folder in diffusers format, or `embedded`: the small model that ships along."""
    revision: str | None = None
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    offline: bool = False
    """Load from the local cache only."""
    may_sleep: bool = False
    """Whether readiness may be declared before this model was warm once."""
    sizes: tuple[str, ...] = ()
    """Sizes to offer instead of the family's own, such as `1280x704`; the first is the default."""
    max_frames: int | None = None
    max_steps: int | None = None
    default_steps: int | None = None
    gflops_per_s: float = Field(50_000.0, gt=0)
    """Measured rate of one device on this model, for predicting GPU-seconds."""
    encoder: Replicas = Replicas()
    denoiser: Replicas = Replicas()
    decoder: Replicas = Replicas()


EMBEDDED_MODEL = Model(
    name="filmgate-tiny",
    dtype="float32",
    gflops_per_s=100.0,
    denoiser=Replicas(threads=2),
)


class RayCluster(Section):
    address: str | None = None
    """Address of a running cluster (`auto` finds one). Left out: start one on this machine."""
    num_cpus: float | None = None
    """Logical CPUs of the local cluster. Left out: as many as the replicas ask for, at least 2."""
    object_store_bytes: int = Field(200_000_000, ge=80_000_000)


class Log(Section):
    format: Literal["text", "json"] = "text"
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix="FILMGATE_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
    )

    data_dir: Path = Path("filmgate-data")
    http: Http = Http()
    database: Database = Database()
    artifacts: Artifacts = Artifacts()
    jobs: Jobs = Jobs()
    lease: Lease = Lease()
    models: tuple[Model, ...] = (EMBEDDED_MODEL,)
    ray: RayCluster = RayCluster()
    log: Log = Log()
    tiers: tuple[str, ...] = ("new", "free", "plus", "pro", "team", "enterprise")
    """Lowest first."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file: `load` hands the file's content in as initial values."""
        return (env_settings, init_settings)
