"""GET and HEAD /v1/videos/{id}/content: the clip itself, whole or in parts."""

from collections.abc import AsyncIterator
from types import MappingProxyType
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from serve.artifacts.store import CLIP_FILES, ArtifactMissing, ArtifactStore
from serve.gateway.auth import Caller, Parts
from serve.gateway.errors import NO_RETRY, ApiError
from serve.gateway.lookup import VideoId, find_job
from serve.gateway.openapi.responses import CONTENT_RESPONSES, HEAD_RESPONSES
from serve.gateway.query import only_query
from serve.gateway.ranges import (
    Content,
    NoSuchBytes,
    Span,
    is_known,
    strong_etag,
    wanted_span,
)
from serve.jobs.job import LIVE, Job, Status

router = APIRouter(dependencies=[Depends(only_query("variant"))])
Variant = Literal["video", "thumbnail", "spritesheet"]
MEDIA_TYPES: Final = MappingProxyType(
    {"video": "video/mp4", "thumbnail": "image/webp", "spritesheet": "image/webp"}
)
ENDINGS: Final = (
    (Status.FAILED, 404, "video_failed", "This clip was not made: the job failed."),
    (Status.CANCELLED, 404, "video_cancelled", "This clip was not made: the job was cancelled."),
    (Status.EXPIRED, 410, "video_expired", "This clip's time has passed; it was removed."),
)
WhichVariant = Annotated[Variant, Query(description="The clip, or one of its pictures.")]


@router.get("/v1/videos/{video_id}/content", responses=CONTENT_RESPONSES, response_class=Response)
async def download_content(
    video_id: VideoId,
    request: Request,
    parts: Parts,
    caller: Caller,
    variant: WhichVariant = "video",
) -> Response:
    """The clip as mp4, or its thumbnail or spritesheet as WebP."""
    return await _answer(request, parts.artifacts, await find_job(parts, caller, video_id), variant)


@router.head("/v1/videos/{video_id}/content", responses=HEAD_RESPONSES, response_class=Response)
async def describe_content(
    video_id: VideoId,
    request: Request,
    parts: Parts,
    caller: Caller,
    variant: WhichVariant = "video",
) -> Response:
    """The headers of the same GET."""
    return await _answer(request, parts.artifacts, await find_job(parts, caller, video_id), variant)


async def _answer(
    request: Request, artifacts: ArtifactStore, job: Job, variant: Variant
) -> Response:
    name, media_type = CLIP_FILES[variant], MEDIA_TYPES[variant]
    key = f"{clip_prefix_of(job)}{name}"
    try:
        info = await artifacts.info(key)
    except ArtifactMissing:
        raise _gone(Status.EXPIRED) from None
    content = Content(
        size_bytes=info.size_bytes, etag=strong_etag(info.etag), modified_at=info.modified_at
    )
    headers = {
        "etag": content.etag,
        "last-modified": content.last_modified,
        "accept-ranges": "bytes",
        "cache-control": "private, no-cache",
        "content-disposition": f'inline; filename="{job.id}-{name}"',
        "x-content-type-options": "nosniff",
    }
    if is_known(request.headers, content):
        return Response(status_code=304, headers=headers)
    span = None if request.method == "HEAD" else _span(request, content)
    sent = span or Span(start=0, end=content.size_bytes)
    headers["content-length"] = str(sent.end - sent.start)
    if span is not None:
        headers["content-range"] = f"bytes {span.start}-{span.end - 1}/{content.size_bytes}"
    status = 200 if span is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    chunks = artifacts.stream(key, sent.start, sent.end)
    return StreamingResponse(
        await _begun(chunks), status_code=status, headers=headers, media_type=media_type
    )


def clip_prefix_of(job: Job) -> str:
    """Where the finished clip lies; raises `ApiError` (404, 409 or 410) when there is none."""
    if job.status in LIVE:
        raise ApiError(
            409,
            "video_not_ready",
            f"This clip is {job.status}; wait until its status is `completed`.",
            headers=NO_RETRY,
        )
    if job.status is not Status.COMPLETED or job.clip_prefix is None:
        raise _gone(job.status)
    return job.clip_prefix


def _gone(status: Status) -> ApiError:
    for ending, http_status, code, message in ENDINGS:
        if ending is status:
            return ApiError(http_status, code, message)
    raise AssertionError(f"a {status} job has a clip")


def _span(request: Request, content: Content) -> Span | None:
    try:
        return wanted_span(request.headers, content)
    except NoSuchBytes:
        size = content.size_bytes
        raise ApiError(
            416,
            "range_not_satisfiable",
            f"There are {size} bytes, and none in the range that was asked for.",
            headers={"content-range": f"bytes */{size}"},
        ) from None


async def _begun(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks, with the first one fetched: what is missing shows while it can be told."""
    try:
        first = await anext(chunks, b"")
    except ArtifactMissing:
        raise _gone(Status.EXPIRED) from None

    async def rest() -> AsyncIterator[bytes]:
        yield first
        async for chunk in chunks:
            yield chunk

    return rest()
