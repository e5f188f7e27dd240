"""The routes of jobs: make, list, look at, cancel, delete."""

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from serve.accounts.account import Principal
from serve.gateway.admission.demand import Demand
from serve.gateway.admission.door import Door, ask_at_the_door
from serve.gateway.admission.intake import Intake
from serve.gateway.admission.rate_headers import take_turn, tell
from serve.gateway.auth import Caller, Parts, note_use, parts_of, unnoted_principal
from serve.gateway.errors import ApiError
from serve.gateway.limits import JOB_STORED
from serve.gateway.link import tell_scheduler
from serve.gateway.live import Live, event_of
from serve.gateway.lookup import LiveOf, VideoId, find_job, is_plain_id, unknown_video
from serve.gateway.openapi.create_body import (
    CREATE_ASKS,
    create_responses,
    idempotency_key_of,
    request_body,
)
from serve.gateway.openapi.responses import POLL_AFTER, READ_FAULTS
from serve.gateway.parts import GatewayParts
from serve.gateway.query import only_query
from serve.gateway.requests.bodies import read_video_request
from serve.gateway.taking import taken, turned_aside
from serve.gateway.views.telling import unread_refusal
from serve.gateway.views.video_object import (
    Video,
    VideoDeleted,
    VideoList,
    poll_after_ms,
    video_object,
)
from serve.jobs.job import Job, Status

router = APIRouter()
MAX_PAGE = 100
DEFAULT_PAGE = 20


@router.post(
    "/v1/videos",
    response_model=Video,
    responses=create_responses(),
    openapi_extra=request_body() | CREATE_ASKS,
)
async def create_video(request: Request, response: Response) -> Video:
    """Take a clip in. The job is stored before this is answered, and cannot be lost after.

    With an `Idempotency-Key` the same request within a day is answered with the same job. When
    more is asked for than can be made the job may be deferred, which its `decision` tells, or not
    taken: 429 with the time to come back.
    """
    # Nothing is injected here: working out dependencies costs more than deciding.
    parts = await parts_of(request)
    asker = await unnoted_principal(request, parts)
    idempotency_key = idempotency_key_of(request)
    intake: Intake = request.app.state.intake
    intake.check_disk()
    take_turn(request, parts, asker)
    if idempotency_key is None:
        _shed_unread(request, asker, parts.now())
    verdict = ask_at_the_door(request, asker, await read_video_request(request))
    inserted = await turned_aside(request, asker, verdict, idempotency_key)
    note_use(request, parts, asker)
    if inserted is None:
        verdict, inserted = await taken(request, asker, verdict, idempotency_key)
    request.scope[JOB_STORED] = True
    tell(request, intake.quota_headers(asker, inserted))
    if inserted.replayed:
        response.headers["idempotent-replayed"] = "true"
    else:
        request.app.state.demand.answered(verdict)
    live: Live = request.app.state.live
    return _shown(parts, live.freshened(inserted.job), response)


def _shed_unread(request: Request, asker: Principal, now: float) -> None:
    """Raise `ApiError` for a request of somebody who floods, if no request of his would be let in:
    waiting for its body is most of what it costs."""
    demand: Demand = request.app.state.demand
    door: Door = request.app.state.door
    if (model := demand.floods(asker.account_id, now)) and (shed := door.shuts_out(asker)):
        demand.unread(shed, model, asker.tier)
        raise unread_refusal(shed, asker.tier, now)


@router.get(
    "/v1/videos",
    responses=READ_FAULTS,
    dependencies=[Depends(only_query("after", "limit", "order"))],
)
async def list_videos(
    parts: Parts,
    caller: Caller,
    live: LiveOf,
    after: Annotated[str | None, Query(description="The last id of the page before.")] = None,
    limit: Annotated[int, Query(ge=0, le=MAX_PAGE)] = DEFAULT_PAGE,
    order: Annotated[Literal["asc", "desc"], Query(description="By age.")] = "desc",
) -> VideoList:
    """The caller's jobs, newest first."""
    page = None
    if after is None or is_plain_id(after):
        page = await parts.store.page(
            caller.account_id, after=after, limit=limit, newest_first=order == "desc"
        )
    if page is None:
        raise ApiError(400, "invalid_after", "`after` must be the id of a video.", param="after")
    snapshot = parts.link.snapshot()
    currency = parts.rules.currency
    videos = [video_object(live.freshened(job), snapshot, currency) for job in page.jobs]
    return VideoList(
        object="list",
        data=videos,
        first_id=videos[0].id if videos else None,
        last_id=videos[-1].id if videos else None,
        has_more=page.has_more and bool(videos),
    )


@router.get("/v1/videos/{video_id}", responses={200: {"headers": POLL_AFTER}, **READ_FAULTS})
async def retrieve_video(
    video_id: VideoId, response: Response, parts: Parts, caller: Caller, live: LiveOf
) -> Video:
    """The job as it is now."""
    job = await find_job(parts, caller, video_id)
    return _shown(parts, live.freshened(job), response)


@router.post("/v1/videos/{video_id}/cancel", responses=READ_FAULTS)
async def cancel_video(video_id: VideoId, parts: Parts, caller: Caller, live: LiveOf) -> Video:
    """End the job: at once when it waits, after the running step when it runs.

    A job that has ended stays as it is.
    """
    job = None
    if is_plain_id(video_id):
        job = await parts.store.cancel(video_id, caller.account_id, parts.now())
    if job is None:
        raise unknown_video(video_id)
    _tell(parts, live, job)
    return video_object(job, parts.link.snapshot(), parts.rules.currency)


@router.delete("/v1/videos/{video_id}", responses=READ_FAULTS)
async def delete_video(
    video_id: VideoId, parts: Parts, caller: Caller, live: LiveOf
) -> VideoDeleted:
    """Forget the job: its clip, its checkpoints and its prompt. One that runs is cancelled."""
    job = await find_job(parts, caller, video_id)
    if not await parts.store.delete(video_id, caller.account_id, parts.now()):
        raise unknown_video(video_id)
    _tell(parts, live, job if job.ended else replace(job, status=Status.CANCELLED, phase=None))
    return VideoDeleted(id=video_id, object="video.deleted", deleted=True)


def _shown(parts: GatewayParts, job: Job, response: Response) -> Video:
    snapshot = parts.link.snapshot()
    if not job.ended:
        response.headers["openai-poll-after-ms"] = str(poll_after_ms(job, snapshot))
    return video_object(job, snapshot, parts.rules.currency)


def _tell(parts: GatewayParts, live: Live, job: Job) -> None:
    """The row has changed already; whoever watches hears of it without waiting for the scan."""
    live.publish(event_of(job))
    tell_scheduler(parts.link, job.id)
