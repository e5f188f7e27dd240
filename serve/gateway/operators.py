"""Who may see what only operators should: whoever has the operator key of the settings."""

import secrets
from typing import Annotated

from fastapi import Depends, Security
from starlette.requests import Request

from serve.accounts.remembered import Remembered
from serve.gateway.auth import BEARER, Parts
from serve.gateway.errors import ApiError


async def check_operator(
    request: Request, parts: Parts, _documented: Annotated[object, Security(BEARER)]
) -> None:
    """Raise `ApiError` for all others.

    Keys of accounts are none of operators', whatever their tier. Without an operator key in the
    settings it is open for as long as everything is: on loopback, while no key exists.
    """
    wanted = parts.http.operator_key
    principals: Remembered = request.app.state.principals
    if wanted is None and parts.open_access and not await principals.any_keys():
        return
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if wanted is None:
        raise ApiError(
            403,
            "operator_key_needed",
            "This is for operators: set http.operator_key in the settings (at least 16 "
            "characters), and send it as `Authorization: Bearer KEY`.",
        )
    if not _is(wanted, scheme, key):
        raise ApiError(
            401,
            "invalid_operator_key",
            "Send the operator key (http.operator_key) as `Authorization: Bearer KEY`.",
            headers={"www-authenticate": "Bearer"},
        )


def _is(wanted: str, scheme: str, key: str) -> bool:
    same = secrets.compare_digest(key.strip().encode(), wanted.encode())
    return same and scheme.lower() == "bearer"


Operator = Depends(check_operator)
