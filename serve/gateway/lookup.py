"""Finding the caller's own jobs; everybody else's do not exist."""

import re
from typing import Annotated, Final

from fastapi import Depends, Path
from starlette.requests import Request

from serve.accounts.account import Principal
from serve.gateway.errors import ApiError, not_found
from serve.gateway.live import Live
from serve.gateway.parts import GatewayParts
from serve.jobs.job import Job

PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
"""What may be asked for at all: a store would choke on some of what fits into a URL."""

VideoId = Annotated[str, Path(description="The `id` of a video object.")]


async def live_of(request: Request) -> Live:
    live = request.app.state.live
    assert isinstance(live, Live)
    return live


LiveOf = Annotated[Live, Depends(live_of)]


def is_plain_id(video_id: str) -> bool:
    return PLAIN_ID.fullmatch(video_id) is not None


async def find_job(parts: GatewayParts, caller: Principal, video_id: str) -> Job:
    """The caller's job; raises `ApiError` (404)."""
    job = None
    if is_plain_id(video_id):
        job = await parts.store.get(video_id, caller.account_id)
    if job is None:
        raise unknown_video(video_id)
    return job


def unknown_video(video_id: str) -> ApiError:
    return not_found("video", video_id)
