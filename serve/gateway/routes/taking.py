"""From a verdict to a job; with a picture in between, which comes before the last word."""

from starlette.requests import Request

from autoscaling.decisions import Shed
from serve.accounts.account import Principal
from serve.gateway.admission.demand import Demand
from serve.gateway.admission.door import Door, Verdict, ask_at_the_door
from serve.gateway.admission.intake import Intake
from serve.gateway.requests.bodies import ImageSource
from serve.gateway.requests.images import FirstFrames
from serve.gateway.views.telling import refusal_of
from serve.jobs.store import Inserted


async def turned_aside(
    request: Request, caller: Principal, verdict: Verdict, key: str | None
) -> Inserted | None:
    """The job that a shed request repeats; raises `ApiError` where there is none. None for a
    request that is not shed."""
    if not isinstance(verdict.decision, Shed):
        return None
    intake: Intake = request.app.state.intake
    demand: Demand = request.app.state.demand
    if repeated := await intake.replayed(caller, verdict.asked.request, key):
        return repeated
    demand.answered(verdict)
    raise refusal_of(verdict)


async def taken(
    request: Request, caller: Principal, verdict: Verdict, key: str | None
) -> tuple[Verdict, Inserted]:
    """What was stored, or found, and by which verdict. Raises `ApiError` or `PictureError`."""
    wanted = verdict.asked.request
    if wanted.image is None:
        return verdict, await _stored(request, verdict, key)
    intake: Intake = request.app.state.intake
    first_frames: FirstFrames = request.app.state.first_frames
    if earlier := await intake.foreseen(verdict, key):
        return verdict, earlier
    async with first_frames.at_hand(wanted.image, caller.account_id) as picture:
        # That took its time: what was promised before may be over, and the room be somebody's.
        verdict = ask_at_the_door(request, caller, wanted)
        inserted = await turned_aside(request, caller, verdict, key)
        return verdict, inserted or await _stored(request, verdict, key, picture)


async def _stored(
    request: Request, verdict: Verdict, key: str | None, picture: ImageSource | None = None
) -> Inserted:
    """Stored, or found; what is new is in the way of all that is decided from now on."""
    door: Door = request.app.state.door
    intake: Intake = request.app.state.intake
    with door.taking(verdict) as take_back:
        inserted = await intake.take(verdict, key, picture)
        if inserted.replayed:
            take_back()
    return inserted
