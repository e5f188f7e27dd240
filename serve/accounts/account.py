"""Who asks: accounts, their API keys as stored, and the principal of a request. Pure values."""

from dataclasses import dataclass
from typing import Final

from serve.settings.accounts import Limits

NONE_OF_ITS_OWN: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may ask for clips; times are Unix seconds."""

    id: str
    name: str
    tier: str
    region: str | None
    created_at: float
    invite: str | None = None
    """The code that it came with."""
    overrides: Limits = NONE_OF_ITS_OWN
    """Limits of its own: the fields that are set stand in place of its tier's."""
    disabled_at: float | None = None
    """Since when its keys are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """What is stored of an API key: enough to recognise it, not to use it. Unix seconds."""

    id: str
    account_id: str
    name: str
    prefix: str
    """The readable start of the key, for lists: `fg_live_0a1b2c3d4e5f`."""
    created_at: float
    last_used_at: float | None
    revoked_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The account behind a request, and the key that proved it (None: no key was needed)."""

    account: Account
    key_id: str | None

    @property
    def account_id(self) -> str:
        return self.account.id

    @property
    def tier(self) -> str:
        return self.account.tier


def local_principal(tier: str) -> Principal:
    """Everybody, while the service is open on loopback because no key has ever been made.

    Its account is not a row: the ids of stored accounts begin with `acct_`.
    """
    account = Account(id="local", name="local", tier=tier, region=None, created_at=0.0)
    return Principal(account=account, key_id=None)
