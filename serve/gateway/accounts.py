"""The caller's own account: signing up, what may be asked, and what was used."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from serve.accounts.limits import limits_of
from serve.accounts.roster import AccountExists
from serve.gateway.auth import Caller, Parts
from serve.gateway.create_body import json_body
from serve.gateway.errors import NO_RETRY, ApiError, retry_after
from serve.gateway.me import AccountObject, Me, account_fields, me_of
from serve.gateway.pace import Pace
from serve.gateway.parts import GatewayParts
from serve.gateway.query import only_query
from serve.gateway.reading import read_json
from serve.gateway.responses import READ_FAULTS, faults
from serve.gateway.schemas import Text
from serve.gateway.usage import UsageReport, usage_report
from serve.jobs.usage import days_back

router = APIRouter()
MAX_DAYS = 366
EVERYBODY = ""
"""Whose sign-ups are counted together; no account has this id."""


class CreateAccount(BaseModel):
    """Who wants an account."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: Annotated[Text, Field(min_length=1, max_length=64, pattern=r"^\S(.*\S)?$")]
    """Any name that is not taken; not one that looks like an id (`acct_...`)."""
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,32}$")] | None = None
    """Where the account is at home, such as `kr`."""
    invite: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    """The code of an invitation; it is kept with the account."""


class AccountCreated(AccountObject):
    """A new account. `api_key` is shown this once: it is stored as a digest only."""

    api_key: str


@router.post(
    "/v1/accounts",
    responses=faults(400, 403, 408, 409, 413, 415, 429, 500, 503),
    openapi_extra=json_body(CreateAccount),
)
async def sign_up(request: Request, parts: Parts) -> AccountCreated:
    """Make an account and its first key; no key is needed for it, where it is allowed at all."""
    if not parts.rules.signup:
        message = "This service makes no accounts by request; ask its operator for one."
        raise ApiError(403, "signup_closed", message)
    body = await read_json(request, CreateAccount)
    if body.name.startswith("acct_"):
        raise ApiError(400, "invalid_name", "`name` must not look like an id.", param="name")
    _take_turn(request, parts)
    try:
        key, account = await parts.accounts.sign_up(
            body.name, parts.rules.new_tier, parts.now(), region=body.region, invite=body.invite
        )
    except AccountExists:
        message = "There is an account of this name already; choose another."
        raise ApiError(409, "account_exists", message, param="name", headers=NO_RETRY) from None
    return AccountCreated(**account_fields(account), api_key=key)


@router.get("/v1/me", responses=READ_FAULTS)
async def me(parts: Parts, caller: Caller) -> Me:
    """Who the caller is, what may be asked, and what of it is taken."""
    now = parts.now()
    limits = limits_of(caller.account, parts.rules.limits)
    standing = await parts.store.standing(caller.account_id, now)
    return me_of(caller.account, limits, standing, parts.rules, now)


@router.get("/v1/usage", responses=READ_FAULTS, dependencies=[Depends(only_query("days"))])
async def usage(
    parts: Parts,
    caller: Caller,
    days: Annotated[int, Query(ge=1, le=MAX_DAYS, description="Today is the last one.")] = 30,
) -> UsageReport:
    """What the caller's jobs took and cost, by the day (UTC) on which they ended."""
    found = await parts.store.usage(caller.account_id, days_back(parts.now(), days))
    return usage_report(found, parts.rules.currency)


def _take_turn(request: Request, parts: GatewayParts) -> None:
    pace: Pace = request.app.state.pace
    turn = pace.turn(EVERYBODY, parts.rules.signups_per_minute, parts.now())
    if turn.wait_s:
        message = "As many accounts are being made as this service allows; try again shortly."
        raise ApiError(429, "too_many_signups", message, headers=retry_after(turn.wait_s))
