"""Query parameters that are not known are refused, so that a misspelt one cannot pass unnoticed."""

import difflib
from collections.abc import Awaitable, Callable

from starlette.requests import Request

from serve.gateway.errors import ApiError


def only_query(*known: str) -> Callable[[Request], Awaitable[None]]:
    """A dependency that raises `ApiError` (400) for any other parameter."""

    async def check(request: Request) -> None:
        for name in request.query_params:
            if name not in known:
                nearest = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean `{nearest[0]}`?" if nearest else f"known: {', '.join(known)}."
                message = f"Unknown query parameter `{name[:64]}`: {hint}"
                raise ApiError(400, "unknown_parameter", message, param=name[:64])

    return check
