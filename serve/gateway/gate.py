"""The gate as answers tell it: what state it is in, and what would pass now."""

from typing import Literal

from pydantic import BaseModel

from serve.gateway.lighter import Way

State = Literal["open", "deferring", "shedding", "closed", "unknown"]
"""`closed`: by an operator, the model or the region. `unknown`: the Scheduler does not answer."""


class LighterClip(BaseModel):
    """What the request may become with this `accept_lighter`. Asked for by itself it would be a
    request like any other, and no lighter than itself."""

    accept_lighter: list[Way]
    size: str
    num_inference_steps: int


class Gate(BaseModel):
    """What the tier's requests find now, from when on this one should pass (Unix seconds), and
    which lighter clips would be let in at once."""

    tier: str
    state: State
    retry_at: int
    accepted_now: list[LighterClip]
