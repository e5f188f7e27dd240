"""The caller's own account: signing up, what may be asked, and what was used."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from autoscaling.newcomers import Entry
from serve.accounts.limits import limits_of, unfinished_jobs
from serve.accounts.newcomer import NotCalled, NotLetIn, Opened, Place, SignUp, UnknownPlace
from serve.gateway.admission.sign_up_turns import sign_up_turn
from serve.gateway.auth import Caller, Parts
from serve.gateway.errors import ApiError
from serve.gateway.lookup import is_plain_id
from serve.gateway.openapi.create_body import json_body
from serve.gateway.openapi.responses import READ_FAULTS, Responses, faults
from serve.gateway.query import only_query
from serve.gateway.requests.reading import read_json
from serve.gateway.requests.schemas import Text
from serve.gateway.views.me import AccountObject, Me, account_fields, me_of
from serve.gateway.views.newcomers import (
    REFUSALS,
    WaitlistPlace,
    place_object,
    refusal,
    token_needed,
    token_of,
)
from serve.gateway.views.open_models import open_models
from serve.gateway.views.usage import UsageReport, usage_report
from serve.jobs.usage import days_back

router = APIRouter()
MAX_DAYS = 366
PlaceId = Annotated[str, Path(description="The `id` of a place on the waitlist.")]
WAITS: Responses = {202: {"model": WaitlistPlace, "description": "A place on the waitlist."}}


class CreateAccount(BaseModel):
    """Who wants an account."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: Annotated[Text, Field(min_length=1, max_length=64, pattern=r"^\S(.*\S)?$")]
    """Any name that is not taken; not one that looks like an id (`acct_...`)."""
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,32}$")] | None = None
    """Where the account is at home, such as `kr`."""
    invite: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    """The code of an invitation: it leads past the waitlist, and is kept with the account."""


class AccountCreated(AccountObject):
    """A new account. `api_key` is shown this once: it is stored as a digest only."""

    api_key: str


@router.post(
    "/v1/accounts",
    status_code=201,
    response_model=AccountCreated,
    responses={**WAITS, **faults(400, 403, 408, 409, 413, 415, 429, 500, 503)},
    openapi_extra=json_body(CreateAccount),
)
async def sign_up(request: Request, parts: Parts) -> AccountCreated | JSONResponse:
    """Make an account and its first key, or get a place on the waitlist; no key is needed.

    Asking again with the token of that place tells how it stands.
    """
    if not parts.rules.signup:
        raise refusal(NotLetIn(Entry.CLOSED))
    body = await read_json(request, CreateAccount)
    if body.name.startswith("acct_"):
        raise ApiError(400, "invalid_name", "`name` must not look like an id.", param="name")
    asked = SignUp(name=body.name, region=body.region, invite=body.invite, token=token_of(request))
    try:
        with sign_up_turn(request, parts, body.invite):
            found = await parts.newcomers.sign_up(asked, parts.rules, parts.now())
    except REFUSALS as error:
        raise refusal(error) from None
    return _waits(found) if isinstance(found, Place) else _created(found)


@router.get("/v1/accounts/waitlist/{place_id}", responses=READ_FAULTS)
async def waitlist_place(request: Request, parts: Parts, place_id: PlaceId) -> WaitlistPlace:
    """How a place on the waitlist stands; its token is the key."""
    token = token_needed(request)
    try:
        return place_object(
            await parts.newcomers.place(_plain(place_id), token, parts.rules, parts.now())
        )
    except REFUSALS as error:
        raise refusal(error) from None


@router.post(
    "/v1/accounts/waitlist/{place_id}",
    status_code=201,
    response_model=AccountCreated,
    responses={**WAITS, **faults(400, 401, 403, 404, 409, 413, 500, 503)},
)
async def claim(request: Request, parts: Parts, place_id: PlaceId) -> AccountCreated | JSONResponse:
    """The account of a place that was called, with its key; its token proves whose it is.

    Until the key was used this may be repeated: each answer has a new key, and the one before is
    revoked. A place that was not called yet is told as it stands.
    """
    token = token_needed(request)
    try:
        found = await parts.newcomers.claim(_plain(place_id), token, parts.rules, parts.now())
    except NotCalled as early:
        return _waits(early.place)
    except REFUSALS as error:
        raise refusal(error) from None
    return _created(found)


@router.get("/v1/me", responses=READ_FAULTS)
async def me(request: Request, parts: Parts, caller: Caller) -> Me:
    """Who the caller is, what may be asked, what of it is taken, and what is open now."""
    now = parts.now()
    limits = limits_of(caller.account, parts.rules.limits)
    standing = await parts.store.standing(caller.account_id, now)
    prospects = open_models(request, parts, caller)
    tiers = parts.policy.tiers
    return me_of(
        caller.account,
        limits,
        standing,
        parts.rules,
        unfinished_jobs=unfinished_jobs(limits, tiers[tiers.rank(caller.tier)].max_outstanding),
        prospects=prospects,
        now=now,
    )


@router.get("/v1/usage", responses=READ_FAULTS, dependencies=[Depends(only_query("days"))])
async def usage(
    parts: Parts,
    caller: Caller,
    days: Annotated[int, Query(ge=1, le=MAX_DAYS, description="Today is the last one.")] = 30,
) -> UsageReport:
    """What the caller's jobs took and cost, by the day (UTC) on which they ended."""
    found = await parts.store.usage(caller.account_id, days_back(parts.now(), days))
    return usage_report(found, parts.rules.currency)


def _created(opened: Opened) -> AccountCreated:
    return AccountCreated(**account_fields(opened.account), api_key=opened.key)


def _waits(place: Place) -> JSONResponse:
    return JSONResponse(place_object(place).model_dump(), status_code=202)


def _plain(place_id: str) -> str:
    """An id that a store can be asked for; raises `UnknownPlace`."""
    if not is_plain_id(place_id):
        raise UnknownPlace(place_id)
    return place_id
