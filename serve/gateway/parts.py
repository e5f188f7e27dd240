"""What a Gateway is made of, handed in by the composition root."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from autoscaling.rules import Rules as GateRules
from pipelines.cost import StageCosts
from pipelines.spec import ClipSpec, ModelLimits
from serve.accounts.account import Account, Principal
from serve.accounts.newcomer import Opened, Place, SignUp
from serve.accounts.promotion import Promotion
from serve.accounts.rules import Rules
from serve.artifacts.store import ArtifactStore
from serve.gateway.link import SchedulerLink
from serve.jobs.store import JobStore
from serve.settings.sections import Http, Jobs


class Accounts(Protocol):
    """The accounts and keys that exist."""

    async def authenticate(self, plain_key: str, /) -> Principal | None:
        """Whose key this is; None when it is unknown or revoked."""
        ...

    async def note_use(self, key_id: str, now: float) -> None:
        """Remember that a key was used."""
        ...

    async def any_keys(self) -> bool:
        """Whether a key was ever made: from then on, keys are required."""
        ...

    async def promoted(self, account: Account, rule: Promotion | None, now: float) -> Account:
        """The account as it is, or as it has just risen."""
        ...


class Newcomers(Protocol):
    """Those who have no account yet."""

    async def sign_up(self, asked: SignUp, rules: Rules, now: float) -> Opened | Place:
        """An account, or a place on the waitlist; raises why it is neither."""
        ...

    async def place(self, place_id: str, token: str, rules: Rules, now: float) -> Place:
        """Where a place stands; raises `UnknownPlace`."""
        ...

    async def claim(self, place_id: str, token: str, rules: Rules, now: float) -> Opened:
        """The account of a place that was called; raises why it is not to be had."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A model as the API offers it; the first of several is the default."""

    name: str
    limits: ModelLimits
    costs: Callable[[ClipSpec], StageCosts]
    """What a clip should cost in GPU-seconds, before any correction by experience."""
    check_fits: Callable[[ClipSpec, Mapping[str, int]], None] = lambda _spec, _gang_bytes: None
    """Raises `SpecError` for a clip too large for the devices, or for those that gangs of each
    shape have told of."""
    attention: str = "auto"
    """The setting; what it comes to is known by the gangs."""
    may_sleep: bool = False
    created_at: int = 0
    """Unix seconds, for the `created` of the model list."""
    price_per_gpu_s: float = 0.0
    """In the currency of the rules, before a tier's multiplier."""
    standard_devices: int = 1
    """Of the gang by which its clips are timed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayParts:
    """All that a Gateway uses; `now` tells Unix seconds."""

    http: Http
    jobs: Jobs
    min_free_bytes: int
    free_bytes: Callable[[], int | None]
    """Free space where clips go; None where there is no such limit."""
    store: JobStore
    artifacts: ArtifactStore
    accounts: Accounts
    newcomers: Newcomers
    models: tuple[ServedModel, ...]
    link: SchedulerLink
    open_access: bool
    """Whether requests without a key are the account `local`, as long as no key exists."""
    local_tier: str
    rules: Rules
    policy: GateRules
    """By which requests are decided until a snapshot says more."""
    tick_s: float = 1.0
    """How often the Scheduler is told what was asked for."""
    remembered_s: float
    """For how long keys and accounts are believed to be as they were read."""
    now: Callable[[], float]
    request_id: Callable[[], str | None] = lambda: None
    """The id that the answer to the request under way will carry, if that is chosen already."""
    store_errors: Callable[[], tuple[int, int]] = lambda: (0, 0)
    """Calls that the job store and the artifact store have failed here so far."""
