"""From a verdict to a job; with a picture in between, which comes before the last word."""

from starlette.requests import Request

from autoscaling.decisions import Defer, Shed
from serve.accounts.account import Principal
from serve.gateway.admission.demand import Demand
from serve.gateway.admission.door import Door, Verdict, ask_at_the_door
from serve.gateway.admission.intake import Intake
from serve.gateway.parts import GatewayParts
from serve.gateway.requests.bodies import ImageSource
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
        return await _settled(request, caller, verdict, key)
    intake: Intake = request.app.state.intake
    if earlier := await intake.foreseen(verdict, key):
        return verdict, earlier
    async with intake.at_hand(wanted.image, caller) as picture:
        # That took its time: what was promised before may be over, and the room be somebody's.
        verdict = ask_at_the_door(request, caller, wanted)
        return await _settled(request, caller, verdict, key, picture)


async def _settled(
    request: Request,
    caller: Principal,
    verdict: Verdict,
    key: str | None,
    picture: ImageSource | None = None,
) -> tuple[Verdict, Inserted]:
    verdict = await _after_its_own(request, caller, verdict)
    inserted = await turned_aside(request, caller, verdict, key)
    return verdict, inserted or await _stored(request, verdict, key, picture)


async def _after_its_own(request: Request, caller: Principal, verdict: Verdict) -> Verdict:
    """A promise for an account that may have so many jobs in progress at once: its clip comes
    after its others, of which the store knows."""
    at_once = verdict.asked.limits.jobs_at_once
    if at_once is None or not isinstance(verdict.decision, Defer):
        return verdict
    parts: GatewayParts = request.app.state.parts
    door: Door = request.app.state.door
    standing = await parts.store.standing(caller.account_id, parts.now())
    per_gpu_s = verdict.whole.standalone_s / max(verdict.whole.job.predicted_gpu_s, 1e-6)
    return door.ask(caller, verdict.whole, standing.expected_gpu_s * per_gpu_s / at_once)


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
