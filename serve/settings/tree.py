"""The settings: one immutable tree, read once from a YAML file and `FILMGATE_` variables.

The only file that reads the environment. `FILMGATE_HTTP__PORT=9000` sets `http.port`; a YAML file
says the same as `http: {port: 9000}`; the environment wins. Lists are given whole, as JSON.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableVariable

from autoscaling.rules import Rules
from serve.settings.accounts import AccountRules, Limits, Tier
from serve.settings.capacity import Capacity
from serve.settings.faults import (
    PREFIX,
    Origin,
    SettingsError,
    check_variables,
    explain,
    explain_variable,
)
from serve.settings.file import merge, read_settings_file
from serve.settings.policy import Policy
from serve.settings.section import Section
from serve.settings.sections import (
    EMBEDDED_MODEL,
    Artifacts,
    Database,
    GangCare,
    Http,
    Jobs,
    Lease,
    Log,
    Model,
    RayCluster,
)

CLIENT_VARIABLES = frozenset({"FILMGATE_URL", "FILMGATE_API_KEY"})


class Settings(BaseSettings):
    """The whole tree. `load` reads it; `from_values` takes it from its own JSON form."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
    )

    data_dir: Path = Field(Path("filmgate-data"), validate_default=True)
    """Database, artifacts and checkpoints live here, unless told otherwise."""
    http: Http = Http()
    database: Database = Database()
    artifacts: Artifacts = Artifacts()
    jobs: Jobs = Jobs()
    lease: Lease = Lease()
    gang: GangCare = GangCare()
    models: tuple[Model, ...] = (EMBEDDED_MODEL,)
    """The first is the default of a request that names none."""
    capacity: Capacity = Capacity()
    ray: RayCluster = RayCluster()
    log: Log = Log()
    tiers: tuple[Tier, ...] = ("new", "free", "plus", "pro", "team", "enterprise")
    """Lowest first."""
    local_tier: Tier = "pro"
    """The tier of the account `local`, which asks without a key."""
    limits: dict[Tier, Limits] = {}
    """What an account of each tier may ask; a tier that is left out has no limits."""
    accounts: AccountRules = AccountRules()
    policy: Policy = Policy()
    """Who gets the GPUs now, who later, and who is told to come back."""
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    """Of all prices: each model states its own for a GPU-second."""

    @property
    def rules(self) -> Rules:
        """The policy's constants, for the tiers of this service."""
        return self.policy.rules(self.tiers)

    @property
    def database_url(self) -> str:
        """Where jobs and accounts are kept."""
        return self.database.url or f"sqlite+aiosqlite:///{self.data_dir / 'filmgate.db'}"

    @field_validator("data_dir")
    @classmethod
    def _data_dir_is_absolute(cls, data_dir: Path) -> Path:
        return data_dir.expanduser().resolve()

    @field_validator("models")
    @classmethod
    def _models_are_distinct(cls, models: tuple[Model, ...]) -> tuple[Model, ...]:
        _check_names("model", [model.name for model in models])
        return models

    @field_validator("tiers")
    @classmethod
    def _tiers_are_distinct(cls, tiers: tuple[str, ...]) -> tuple[str, ...]:
        _check_names("tier", tiers)
        return tiers

    @property
    def new_tier(self) -> str:
        """The tier of those who sign up."""
        return self.accounts.new_tier or self.tiers[0]

    @property
    def promoted_to(self) -> str | None:
        """Where accounts of `new_tier` rise to by themselves; a default without a tier is none."""
        to = self.accounts.promoted_to
        return to if to in self.tiers and to != self.new_tier else None

    @model_validator(mode="after")
    def _tiers_exist(self) -> Self:
        stated = {"local_tier": self.local_tier, "accounts.new_tier": self.new_tier}
        if self.accounts.promoted_to not in (None, AccountRules().promoted_to):
            stated["accounts.promoted_to"] = str(self.accounts.promoted_to)
        known = f"tiers has {', '.join(self.tiers)} only"
        for key, tier in stated.items():
            if tier not in self.tiers:
                raise ValueError(f"{key} is {tier!r}, and {known}")
        if unknown := ", ".join(tier for tier in self.limits if tier not in self.tiers):
            raise ValueError(f"limits has {unknown}, and {known}")
        return self

    @model_validator(mode="after")
    def _promotion_leads_up(self) -> Self:
        ranks = {tier: rank for rank, tier in enumerate(self.tiers)}
        if self.promoted_to and ranks[self.promoted_to] < ranks[self.new_tier]:
            raise ValueError(
                f"accounts.promoted_to is {self.promoted_to!r}, which is below "
                f"{self.new_tier!r}, where new accounts begin"
            )
        return self

    @model_validator(mode="after")
    def _policy_fits_the_tiers(self) -> Self:
        self.policy.rules(self.tiers)
        return self

    @model_validator(mode="after")
    def _limited_models_exist(self) -> Self:
        offered = [model.name for model in self.models]
        for tier, limits in self.limits.items():
            if unknown := sorted(set(limits.models or ()) - set(offered)):
                raise ValueError(
                    f"limits.{tier}.models has {', '.join(unknown)}, and models has "
                    f"{', '.join(offered)} only"
                )
        return self

    @model_validator(mode="after")
    def _somebody_wakes_what_sleeps(self) -> Self:
        asleep = [m.name for m in self.models if not any(gangs.min for gangs in m.shapes)]
        if self.capacity.enabled is False and asleep:
            raise ValueError(
                f"capacity.enabled is false, and the gangs of {', '.join(asleep)} have min 0, so "
                "that none would ever start: leave enabled out, or set a min above 0"
            )
        return self

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> "Settings":
        """The tree from plain values, such as `model_dump(mode="json")`; no environment."""
        return cls(**values)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Given values only: `load` reads the environment, so that replicas do not."""
        return (init_settings,)


class ClientSettings(Section):
    """What the client commands need to know: where the service is, and who asks."""

    url: str = Field(pattern=r"^https?://[^/]+")
    api_key: str | None = Field(None, repr=False)


def load(config: Path | dict[str, Any] | None, overrides: dict[str, Any] | None = None) -> Settings:
    """Overrides over environment over `config` over defaults; or `SettingsError`.

    `config` is a file, or what would stand in one: the `args` of a Serve config.
    """
    check_variables(Settings, [name for name in os.environ if name not in CLIENT_VARIABLES])
    try:
        variables = EnvSettingsSource(Settings)()
    except UnreadableVariable as error:
        raise SettingsError(explain_variable(error)) from error
    in_file = read_settings_file(config) if isinstance(config, Path) else config or {}
    place = Path("args") if isinstance(config, dict) else config
    try:
        return Settings.from_values(merge(merge(in_file, variables), overrides or {}))
    except ValidationError as error:
        raise SettingsError(explain(error, Settings, Origin(place, variables))) from None


def load_client(url: str | None = None, api_key: str | None = None) -> ClientSettings:
    """Arguments over `FILMGATE_URL` and `FILMGATE_API_KEY` over loopback without a key."""
    port = os.environ.get("FILMGATE_HTTP__PORT") or Http().port
    url = url or os.environ.get("FILMGATE_URL") or f"http://127.0.0.1:{port}"
    try:
        return ClientSettings(
            url=url.rstrip("/"), api_key=api_key or os.environ.get("FILMGATE_API_KEY") or None
        )
    except ValidationError:
        raise SettingsError(f"FILMGATE_URL: {url!r} is no address like http://host:8000") from None


def child_environment(changes: dict[str, str]) -> dict[str, str]:
    """This process's environment with some variables changed, for a process that it starts."""
    return {**os.environ, **changes}


def _check_names(noun: str, names: Sequence[str]) -> None:
    if not names:
        raise ValueError(f"at least one {noun} is needed")
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(f"the {noun} {', '.join(sorted(repeated))} is there more than once")
