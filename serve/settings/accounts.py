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
