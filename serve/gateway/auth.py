"""Who asks: the key in the Authorization header, or the account `local` while there are no keys."""

import asyncio
import logging
from typing import Annotated, Final

from fastapi import Depends, Security
from fastapi.security import HTTPBearer
from starlette.requests import Request

from serve.accounts.account import Principal, local_principal
from serve.accounts.remembered import Remembered
from serve.gateway.errors import ApiError
from serve.gateway.parts import Accounts, GatewayParts

log = logging.getLogger(__name__)
MAX_KEY_CHARS: Final = 512
NOTED_EVERY_S: Final = 60.0
BEARER: Final = HTTPBearer(auto_error=False, description="An API key: `filmgate keys create`.")


class KeyUses:
    """Writes down now and then that a key is in use, without a request waiting for it."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._noted_at: dict[str, float] = {}
        self._swept_at = 0.0
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, key_id: str, now: float) -> None:
        if now - self._noted_at.get(key_id, 0.0) < NOTED_EVERY_S:
            return
        self._sweep(now)
        self._noted_at[key_id] = now
        task = asyncio.create_task(self._write(key_id, now))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    def _sweep(self, now: float) -> None:
        """Forget those whose next use is written down anyway."""
        if abs(now - self._swept_at) < NOTED_EVERY_S:
            return
        self._swept_at = now
        self._noted_at = {
            key_id: at for key_id, at in self._noted_at.items() if now - at < NOTED_EVERY_S
        }

    async def _write(self, key_id: str, now: float) -> None:
        try:
            await self._accounts.note_use(key_id, now)
        except Exception as error:
            told = {"key_id": key_id}
            log.warning("a use was not noted: %s", type(error).__name__, extra=told)


async def parts_of(request: Request) -> GatewayParts:
    """The parts that `build_gateway` was given."""
    parts = request.app.state.parts
    assert isinstance(parts, GatewayParts)
    return parts


Parts = Annotated[GatewayParts, Depends(parts_of)]


async def unnoted_principal(request: Request, parts: GatewayParts) -> Principal:
    """The caller, from memory where it was asked for lately; nothing is written down.

    Raises `ApiError`: 401 when a key is needed and there is no good one, 403 when its account is
    disabled. An account that may rise to another tier by now has risen.
    """
    principals: Remembered = request.app.state.principals
    if parts.open_access and not await principals.any_keys():
        return local_principal(parts.local_tier)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not 0 < len(key) <= MAX_KEY_CHARS or not key.isascii():
        raise _refused("Send an API key as `Authorization: Bearer KEY`.")
    principal = await principals.authenticate(key)
    if principal is None:
        raise _refused("This API key is not known, or was revoked.")
    if principal.account.disabled_at is not None:
        message = "This account is disabled; ask the operator of this service."
        raise ApiError(403, "account_disabled", message)
    return principal


async def principal_of(
    request: Request, parts: Parts, _documented: Annotated[object, Security(BEARER)]
) -> Principal:
    """The caller, whose key is noted to be in use."""
    caller = await unnoted_principal(request, parts)
    note_use(request, parts, caller)
    return caller


Caller = Annotated[Principal, Depends(principal_of)]


def note_use(request: Request, parts: GatewayParts, caller: Principal) -> None:
    """Write down now and then that the caller's key is in use."""
    if caller.key_id is not None:
        request.app.state.key_uses.note(caller.key_id, parts.now())


def _refused(message: str) -> ApiError:
    return ApiError(401, "invalid_api_key", message, headers={"www-authenticate": "Bearer"})
