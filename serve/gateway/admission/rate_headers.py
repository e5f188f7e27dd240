"""How near an account is to its limits, in the headers of every answer to a request for a clip."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request

from serve.accounts.account import Principal
from serve.accounts.limits import limits_of
from serve.gateway.admission.pace import Pace, Turn
from serve.gateway.errors import ApiError, retry_after
from serve.gateway.limits import MORE_HEADERS
from serve.gateway.parts import GatewayParts
from serve.jobs.usage import seconds_left

PREFIX: Final = "x-ratelimit-"


def take_turn(request: Request, parts: GatewayParts, caller: Principal) -> None:
    """Count a request for a clip; raises `ApiError` (429) for one too many in a minute."""
    limits = limits_of(caller.account, parts.rules.limits)
    if limits.requests_per_minute is None:
        return
    pace: Pace = request.app.state.pace
    turn = pace.turn(caller.account_id, limits.requests_per_minute, parts.now())
    tell(request, request_headers(turn))
    if turn.wait_s:
        message = (
            f"Your account may ask for {limits.requests_per_minute} clips a minute; "
            f"the next one in {duration(turn.wait_s)}."
        )
        headers = retry_after(turn.wait_s)
        raise ApiError(429, "rate_limit_exceeded", message, headers=headers)


def tell(request: Request, headers: Mapping[str, str]) -> None:
    """Put these headers on the answer, whatever it will be."""
    request.scope.setdefault(MORE_HEADERS, {}).update(headers)


def request_headers(turn: Turn) -> dict[str, str]:
    """What is left of this minute's requests."""
    return _headers("requests", turn.limit, turn.remaining, turn.reset_s)


def gpu_second_headers(limit: float, left: float, now: float) -> dict[str, str]:
    """What is left of this day's GPU-seconds, what live jobs should take already gone from it."""
    return _headers("gpu-seconds", limit, max(0.0, left), seconds_left(now))


def duration(seconds: float) -> str:
    """As such headers write it: `120ms`, `12s`, `6m0s`, `1h2m3s`; rounded up."""
    if seconds < 1.0:
        return f"{-int(-seconds * 1_000 // 1)}ms"
    whole = -int(-seconds // 1)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def plain(number: float) -> str:
    """To a tenth, and without one where it is whole: `5000000`, `0.5`."""
    return f"{number:.1f}".removesuffix(".0")


def _headers(what: str, limit: float, remaining: float, reset_s: float) -> dict[str, str]:
    return {
        f"{PREFIX}limit-{what}": plain(limit),
        f"{PREFIX}remaining-{what}": plain(remaining),
        f"{PREFIX}reset-{what}": duration(reset_s),
    }
