"""Who asks: accounts, their API keys as stored, and the principal of a request. Pure values."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may ask for clips; `created_at` is in Unix seconds."""

    id: str
    name: str
    tier: str
    region: str | None
    created_at: float


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

    account_id: str
    tier: str
    key_id: str | None


LOCAL: Final = Principal(account_id="local", tier="pro", key_id=None)
"""Everybody, while the service is open on loopback because no key has ever been made.

Not a row: the ids of stored accounts begin with `acct_`.
"""
