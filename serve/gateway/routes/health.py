"""For machines: whether this process lives, whether the service can work, and its metrics."""

import asyncio
from typing import Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

from serve.gateway.auth import Parts
from serve.gateway.parts import GatewayParts, ServedModel
from serve.jobs.gate_status import GATE, SILENT_AFTER_S
from serve.messages import Snapshot
from serve.telemetry.own_metrics import hearing

router = APIRouter()
STORE_TIMEOUT_S: Final = 2.0
METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """Whether clips can be made; `reasons` says what is missing."""

    status: Literal["ready", "not_ready"]
    reasons: list[str]


@router.get("/healthz")
async def healthz() -> Alive:
    """This process lives; nothing else is asked."""
    return Alive(status="ok")


@router.get(
    "/readyz",
    responses={
        200: {"model": Readiness, "description": "Ready."},
        503: {"model": Readiness, "description": "Not ready."},
    },
)
async def readyz(parts: Parts) -> Response:
    """Ready: the store answers, the Scheduler holds its epoch, each model has been warm once."""
    snapshot = parts.link.snapshot()
    reasons = await _store_faults(parts, snapshot) + _cold(parts.models, snapshot)
    ready = Readiness(status="not_ready" if reasons else "ready", reasons=reasons)
    return JSONResponse(ready.model_dump(), status_code=503 if reasons else 200)


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus text.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
)
async def metrics(parts: Parts) -> Response:
    """The Scheduler's metrics; it alone counts, so that every Gateway tells the same.

    Of its own a Gateway adds whether there is one; while it hears none itself, that is all.
    """
    snapshot = parts.link.snapshot()
    up = snapshot is not None or await _works_elsewhere(parts)
    own = hearing(up, parts.link.silent_s())
    told = b"" if snapshot is None else snapshot.metrics
    return Response(own + told, headers={"content-type": METRICS_TYPE})


async def _works_elsewhere(parts: GatewayParts) -> bool:
    """Whether a Scheduler that is not heard here tells operators how the gates stand: while a
    service is replaced, that of the other cluster does. It may be of another version."""
    try:
        async with asyncio.timeout(STORE_TIMEOUT_S):
            told = await parts.store.recall(GATE)
        return parts.now() - told["at"] <= SILENT_AFTER_S if told else False
    except Exception:  # no store, or a note of a version that nobody knows: none is known to work
        return False


async def _store_faults(parts: GatewayParts, snapshot: Snapshot | None) -> list[str]:
    """What is wrong with the store, or with the Scheduler's hold on it."""
    try:
        async with asyncio.timeout(STORE_TIMEOUT_S):
            await parts.store.ping()
            if snapshot is None:
                return ["the scheduler has not been heard of lately"]
            if not await parts.store.holds(snapshot.epoch):
                return ["the scheduler has been replaced, and the new one not heard of yet"]
    except Exception:
        return ["the job store does not answer"]
    return []


def _cold(models: tuple[ServedModel, ...], snapshot: Snapshot | None) -> list[str]:
    """Models that must be awake and have not been warm yet."""
    if snapshot is None:
        return []
    return [
        f"model {model.name} has not been warm yet"
        for model in models
        if not model.may_sleep and model.name not in snapshot.warm_models
    ]
