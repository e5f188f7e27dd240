"""Those who have no account yet, as the API tells them: places on the waitlist, and refusals."""

from math import ceil
from typing import Final, Literal

from pydantic import BaseModel
from starlette.requests import Request

from autoscaling.newcomers import Entry
from serve.accounts.newcomer import (
    Claimed,
    NameWaits,
    NotLetIn,
    Place,
    RegionNeeded,
    UnknownPlace,
    WaitlistFull,
)
from serve.accounts.roster import AccountExists
from serve.gateway.auth import MAX_KEY_CHARS
from serve.gateway.errors import NO_RETRY, ApiError, not_found, retry_after

RETRY_WAITLIST_S: Final = 3_600.0
REFUSALS: Final = (
    NotLetIn,
    RegionNeeded,
    AccountExists,
    NameWaits,
    WaitlistFull,
    UnknownPlace,
    Claimed,
)
"""What `refusal` knows."""
ENTRIES: Final = {
    Entry.CLOSED: (
        "signup_closed",
        None,
        "This service makes no accounts by request; ask its operator for one.",
    ),
    Entry.REGION_CLOSED: (
        "region_closed",
        "region",
        "Nobody can sign up from this region at the moment.",
    ),
    Entry.NO_INVITE: (
        "invite_invalid",
        "invite",
        "This invitation is not known, is used up, or is over; without one you can go on the "
        "waitlist.",
    ),
}


class WaitlistPlace(BaseModel):
    """A place on the waitlist. Times are Unix seconds.

    `position` is how many come before it (0 is next), null once it was called. `expected_at` is
    when it is called as things go now; null while nobody is. From `called_at` until `claim_by`
    the account is there to be claimed, with the `token`, which is told once.
    """

    object: Literal["waitlist.place"]
    id: str
    name: str
    region: str | None
    asked_at: int
    position: int | None
    expected_at: int | None
    called_at: int | None
    claim_by: int | None
    account_id: str | None
    token: str | None


def place_object(place: Place) -> WaitlistPlace:
    """The place as its owner sees it."""
    return WaitlistPlace(
        object="waitlist.place",
        id=place.id,
        name=place.name,
        region=place.region,
        asked_at=int(place.asked_at),
        position=place.position,
        expected_at=_second(place.expected_at),
        called_at=_second(place.called_at),
        claim_by=_second(place.claim_by),
        account_id=place.account_id,
        token=place.token,
    )


def token_of(request: Request) -> str | None:
    """The token of a place, as a bearer; None where there is none that could be one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    fits = scheme.lower() == "bearer" and 0 < len(token) <= MAX_KEY_CHARS and token.isascii()
    return token if fits else None


def token_needed(request: Request) -> str:
    """The same; raises `ApiError` (401) where there is none."""
    token = token_of(request)
    if token is None:
        message = "Send the token of the place as `Authorization: Bearer TOKEN`."
        challenge = {"www-authenticate": "Bearer"}
        raise ApiError(401, "invalid_token", message, headers=challenge)
    return token


def refusal(error: Exception) -> ApiError:
    """The fault that somebody without an account is told about."""
    match error:
        case NotLetIn():
            code, param, message = ENTRIES[error.entry]
            return ApiError(403, code, message, param=param)
        case RegionNeeded():
            message = "`region` is required while sign-ups from some regions are closed."
            return ApiError(400, "missing_required_parameter", message, param="region")
        case WaitlistFull():
            message = "The waitlist is full; try again later."
            return ApiError(429, "waitlist_full", message, headers=retry_after(RETRY_WAITLIST_S))
        case UnknownPlace():
            return not_found("place", str(error))
    return _taken(error)


def _taken(error: Exception) -> ApiError:
    if isinstance(error, Claimed):
        message = "This account was claimed, and its key is in use."
        return ApiError(409, "already_claimed", message, headers=NO_RETRY)
    if isinstance(error, NameWaits):
        message = (
            "Somebody with this name is on the waitlist. If it is you, send the token of your "
            "place as `Authorization: Bearer TOKEN`; else choose another name."
        )
        return ApiError(409, "name_waiting", message, param="name", headers=NO_RETRY)
    message = "There is an account of this name already; choose another."
    return ApiError(409, "account_exists", message, param="name", headers=NO_RETRY)


def _second(moment: float | None) -> int | None:
    return None if moment is None else ceil(moment)
