"""The gate as answers tell it: what state it is in, and what would pass now."""

from typing import Literal

from pydantic import BaseModel

State = Literal["open", "deferring", "shedding", "closed", "unknown"]
"""`closed`: by an operator, the model or the region. `unknown`: the Scheduler does not answer."""


class LighterClip(BaseModel):
    """Fields of a request, to put in place of one's own."""

    size: str
    num_inference_steps: int


class Gate(BaseModel):
    """What the tier's requests find now, from when on this one should pass (Unix seconds), and
    which lighter clips would be let in at once."""

    tier: str
    state: State
    retry_at: int
    accepted_now: list[LighterClip]
