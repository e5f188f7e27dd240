"""POST /v1/videos/estimate: what a clip would be and cost, without making it."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from serve.gateway.auth import Caller, Parts
from serve.gateway.openapi.create_body import request_body
from serve.gateway.openapi.responses import faults
from serve.gateway.requests.bodies import read_video_request
from serve.gateway.views.cost import Cost, cost_of
from serve.gateway.views.telling import Prospect, prospect_of
from serve.gateway.views.video_object import seconds_text

router = APIRouter()


class VideoEstimate(BaseModel):
    """A clip with every value decided, what it should cost, and what would become of the request
    now; nothing was stored."""

    object: Literal["video.estimate"]
    model: str
    size: str
    seconds: str
    num_frames: int
    fps: int
    steps: int
    guidance_scale: float
    sound: bool
    cost: Cost
    prospect: Prospect


@router.post(
    "/v1/videos/estimate",
    responses=faults(400, 401, 403, 408, 413, 415, 500, 503),
    openapi_extra=request_body(),
)
async def estimate_video(request: Request, parts: Parts, caller: Caller) -> VideoEstimate:
    """Price a request without submitting it. It is checked as if it were, its picture is not."""
    asked = request.app.state.pricing.priced(caller, await read_video_request(request))
    verdict = request.app.state.door.ask(caller, asked)
    job, spec = asked.job, asked.job.spec
    return VideoEstimate(
        object="video.estimate",
        model=job.model,
        size=f"{spec.width}x{spec.height}",
        seconds=seconds_text(spec.seconds),
        num_frames=spec.num_frames,
        fps=spec.fps,
        steps=spec.steps,
        guidance_scale=spec.guidance_scale,
        sound=spec.sound,
        cost=cost_of(job, parts.rules.currency),
        prospect=prospect_of(verdict),
    )
