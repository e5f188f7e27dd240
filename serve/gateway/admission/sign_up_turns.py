"""How fast accounts may be asked for: all together, and codes of invitations by whoever guesses.

Codes are bounded by their own entries, so who brings a good one waits for nobody. One that leads to
no account costs its sender a turn, and nobody else: whoever guesses slows neither those who come
without a code nor those elsewhere whose code is good.
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
WRONG_CODES_A_MINUTE: Final = 10
"""From one network address; whoever signs up with a code is refused for other reasons as well."""


@contextmanager
def sign_up_turn(request: Request, parts: GatewayParts, invite: str | None) -> Iterator[None]:
    """Around a sign-up; raises `ApiError` (429) for one too many."""
    pace: Pace = request.app.state.pace
    if invite is None:
        turn = pace.turn(EVERYBODY, parts.rules.signups_per_minute, parts.now())
        if turn.wait_s:
            message = "As many accounts are being made as this service allows; try again shortly."
            raise ApiError(429, "too_many_signups", message, headers=retry_after(turn.wait_s))
        yield
        return
    guesser = f"codes from {origin_of(request)}"
    turn = pace.turn(guesser, WRONG_CODES_A_MINUTE, parts.now())
    if turn.wait_s:
        message = "Too many wrong invitation codes came from your network; try again shortly."
        raise ApiError(429, "too_many_codes", message, headers=retry_after(turn.wait_s))
    yield  # a refusal is raised here, and keeps the turn
    pace.give_back(guesser)
