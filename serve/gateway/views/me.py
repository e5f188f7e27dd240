"""GET /v1/me as the API tells it: the account, its limits, and how far it is from them."""

from typing import Any, Literal

from pydantic import BaseModel

from serve.accounts.account import Account
from serve.accounts.promotion import Promotion
from serve.accounts.rules import Rules
from serve.gateway.views.telling import Prospect
from serve.jobs.usage import Standing, seconds_left
from serve.settings.accounts import Limits

DIGITS = 3


class LiveJobs(BaseModel):
    """How many jobs have not ended."""

    in_progress: int
    waiting: int


class Today(BaseModel):
    """GPU-seconds since midnight UTC: used by jobs that ended, expected of live ones, and left.

    `left_gpu_s` is null where there is no such limit; `resets_at` is in Unix seconds.
    """

    used_gpu_s: float
    expected_gpu_s: float
    left_gpu_s: float | None
    resets_at: int


class Rise(BaseModel):
    """The tier that this account rises to by itself: not before `at`, and with so many clips."""

    tier: str
    at: int
    clips: int


class AccountObject(BaseModel):
    """An account as its owner sees it."""

    object: Literal["account"]
    id: str
    name: str
    tier: str
    region: str | None
    created_at: int


class OpenModel(Prospect):
    """What would become of a clip of the model's default values if it were asked for now."""

    model: str


class LimitsInEffect(Limits):
    """What the account may ask; null is no limit. `unfinished_jobs` are those that wait, run or
    are promised: what its tier may have, or less where `jobs_waiting` and `jobs_at_once` say so."""

    unfinished_jobs: int


class Me(AccountObject):
    """The caller's account. `open` has each model that it may use."""

    limits: LimitsInEffect
    jobs: LiveJobs
    today: Today
    promotion: Rise | None
    open: list[OpenModel]


def account_fields(account: Account) -> dict[str, Any]:
    """What every `AccountObject` tells of an account."""
    return {
        "object": "account",
        "id": account.id,
        "name": account.name,
        "tier": account.tier,
        "region": account.region,
        "created_at": int(account.created_at),
    }


def me_of(
    account: Account,
    limits: Limits,
    standing: Standing,
    rules: Rules,
    *,
    unfinished_jobs: int,
    prospects: list[OpenModel],
    now: float,
) -> Me:
    """The account as it stands at `now`."""
    return Me(
        **account_fields(account),
        limits=LimitsInEffect(**limits.model_dump(), unfinished_jobs=unfinished_jobs),
        jobs=LiveJobs(in_progress=standing.running, waiting=standing.waiting),
        today=_today(standing, limits.gpu_seconds_per_day, now),
        promotion=_rise(account, rules.promotion),
        open=prospects,
    )


def _today(standing: Standing, limit: float | None, now: float) -> Today:
    left = None if limit is None else max(0.0, limit - standing.committed_gpu_s)
    return Today(
        used_gpu_s=round(standing.used_gpu_s, DIGITS),
        expected_gpu_s=round(standing.expected_gpu_s, DIGITS),
        left_gpu_s=None if left is None else round(left, DIGITS),
        resets_at=int(now + seconds_left(now)),
    )


def _rise(account: Account, rule: Promotion | None) -> Rise | None:
    if rule is None or account.tier != rule.tier or account.id == "local":
        return None
    return Rise(tier=rule.to, at=int(account.created_at + rule.after_s), clips=rule.after_clips)
