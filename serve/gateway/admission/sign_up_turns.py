"""How fast accounts may be asked for: all together, and from each network address.

Codes are bounded by their own entries, so who brings a good one waits for nobody. One that leads to
no account costs its sender a turn, and nobody else: whoever guesses slows neither those who come
without a code nor those elsewhere whose code is good. Who comes without a code takes one of all
turns only after one of those that come from where he is, so that one script cannot have them all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from starlette.requests import Request

from serve.gateway.admission.origin import origin_of
from serve.gateway.admission.pace import Pace
from serve.gateway.errors import ApiError, retry_after
from serve.gateway.parts import GatewayParts

EVERYBODY: Final = "sign-ups"
"""Whose sign-ups are counted together; no account has this id."""
FROM_ONE_ADDRESS_A_MINUTE: Final = 1
"""Once those that may come at once have come."""
WRONG_CODES_A_MINUTE: Final = 10
"""From one network address; whoever signs up with a code is refused for other reasons as well."""


@contextmanager
def sign_up_turn(request: Request, parts: GatewayParts, invite: str | None) -> Iterator[None]:
    """Around a sign-up; raises `ApiError` (429) for one too many."""
    pace: Pace = request.app.state.pace
    if invite is None:
        _take_turns(pace, origin_of(request), parts)
        yield
        return
    guesser = f"codes from {origin_of(request)}"
    turn = pace.turn(guesser, WRONG_CODES_A_MINUTE, parts.now())
    if turn.wait_s:
        message = "Too many wrong invitation codes came from your network; try again shortly."
        raise ApiError(429, "too_many_codes", message, headers=retry_after(turn.wait_s))
    yield  # a refusal is raised here, and keeps the turn
    pace.give_back(guesser)


def _take_turns(pace: Pace, origin: str, parts: GatewayParts) -> None:
    """One of those from there, and one of all; raises `ApiError` (429) where there is none."""
    now, here = parts.now(), f"sign-ups from {origin}"
    at_once = parts.rules.signups_per_address
    turn = pace.turn(here, FROM_ONE_ADDRESS_A_MINUTE, now, at_once=at_once)
    if turn.wait_s:
        message = "Many accounts were asked for from your network of late; try again shortly."
        raise ApiError(429, "too_many_signups", message, headers=retry_after(turn.wait_s))
    turn = pace.turn(EVERYBODY, parts.rules.signups_per_minute, now)
    if turn.wait_s:
        pace.give_back(here)
        message = "As many accounts are being made as this service allows; try again shortly."
        raise ApiError(429, "too_many_signups", message, headers=retry_after(turn.wait_s))
