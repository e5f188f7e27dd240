"""What accounts may ask: limits by tier, how a new account rises, and who may sign up."""

from typing import Annotated

from pydantic import Field

from serve.settings.section import Section

Tier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Size = Annotated[str, Field(pattern=r"^[1-9]\d{1,4}x[1-9]\d{1,4}$")]
ModelName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$")]


class Limits(Section):
    """What one account may ask. A limit that is left out, or null, is none.

    The same fields, some of them, are what an operator states for one account instead.
    """

    requests_per_minute: int | None = Field(None, ge=1)
    """Requests for a clip; looking at clips is not counted. Each Gateway counts its share."""
    jobs_at_once: int | None = Field(None, ge=1)
    """Jobs in progress; further ones wait, whatever is free."""
    jobs_waiting: int | None = Field(None, ge=1)
    """Jobs in the queue; one more is answered 429."""
    gpu_seconds_per_day: float | None = Field(None, gt=0)
    """From midnight to midnight UTC, what live jobs should still take included."""
    max_size: Size | None = None
    """The largest picture, such as `1280x704`: others have at most as many pixels."""
    max_seconds: float | None = Field(None, gt=0)
    """The longest playing time of a clip."""
    models: tuple[ModelName, ...] | None = None
    """Names of the models that may be used; left out: all."""
    price_multiplier: float = Field(1.0, ge=0)
    """Times the model's price."""


class AccountRules(Section):
    new_tier: Tier | None = None
    """The tier of those who sign up. Left out: the lowest."""
    promoted_to: Tier | None = "free"
    """The tier that accounts of `new_tier` rise to by themselves; null: they do not."""
    promoted_after_s: float = Field(7 * 86_400.0, ge=0)
    """How old an account must be to rise."""
    promoted_after_clips: int = Field(3, ge=0)
    """How many clips it must have got to rise."""
    signup: bool = False
    """Whether anybody may make an account with `POST /v1/accounts`."""
    signups_per_minute: int = Field(60, ge=1)
    """Accounts that are made this way at most; each Gateway counts its share."""
    signups_per_address: int = Field(5, ge=1)
    """Of these, from one network address at once; then one a minute. Each Gateway counts its share.
    Where clients come through something that hides their addresses, all of them have one."""
    gate: bool = True
    """Whether those who sign up wait on a list while no GPUs are to spare for them."""
    gate_burst: int = Field(10, ge=1)
    """Accounts that may be opened at once on a fresh service, or after a quiet time on a small
    one; a large one saves up what an hour has to spare."""
    gate_period_s: float = Field(5.0, gt=0)
    """How often the Scheduler looks who is next on the list."""
    max_waitlist: int = Field(10_000, ge=1)
    """Who comes when so many wait is answered 429."""
    claim_within_s: float = Field(7 * 86_400.0, gt=0)
    """A place that was called is given up if nobody claims its account for so long."""
    remembered_s: float = Field(5.0, ge=0, le=60)
    """For how long a Gateway believes what it has read of a key and its account while no Scheduler
    tells it of changes, which it does each second: a revoked key, a disabled account and a changed
    tier take so long to be heard of then. 0 asks with each request."""
