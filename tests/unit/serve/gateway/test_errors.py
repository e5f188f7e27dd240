"""Which faults are the client's, which are a store's, and which are our own."""

import socket

import pytest
import sqlalchemy.exc
from starlette.exceptions import HTTPException

from pipelines.media.pictures import PictureError
from pipelines.spec import SpecError
from serve.artifacts.store import ArtifactError, ArtifactMissing
from serve.gateway.errors import ApiError, retry_after, to_api_error
from serve.jobs.store import IdempotencyMismatch, QueueFull

LOST = Exception("lost")
asyncpg = pytest.importorskip("asyncpg")


@pytest.mark.parametrize(
    ("error", "status", "code", "param"),
    [
        (SpecError("fps", "invalid_fps", "No."), 400, "invalid_fps", "fps"),
        (PictureError("image_damaged", "No."), 400, "image_damaged", "input_reference"),
        (QueueFull("full"), 429, "queue_full", None),
        (IdempotencyMismatch("no"), 400, "idempotency_key_reused", "Idempotency-Key"),
        (HTTPException(404), 404, "unknown_url", None),
        (HTTPException(418), 418, "invalid_request", None),
        (ArtifactError("down"), 503, "service_unavailable", None),
        (ArtifactMissing("key"), 503, "service_unavailable", None),
        (sqlalchemy.exc.OperationalError("", {}, LOST), 503, "service_unavailable", None),
        (sqlalchemy.exc.InterfaceError("", {}, LOST), 503, "service_unavailable", None),
        (sqlalchemy.exc.DBAPIError("", {}, LOST), 503, "service_unavailable", None),
        (sqlalchemy.exc.TimeoutError(), 503, "service_unavailable", None),
        (ConnectionRefusedError(), 503, "service_unavailable", None),
        (socket.gaierror(), 503, "service_unavailable", None),
        (TimeoutError(), 503, "service_unavailable", None),
        (asyncpg.CannotConnectNowError("starting"), 503, "service_unavailable", None),
        (sqlalchemy.exc.ProgrammingError("", {}, LOST), 500, "internal_error", None),
        (sqlalchemy.exc.DataError("", {}, LOST), 500, "internal_error", None),
        (KeyError("x"), 500, "internal_error", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_faults(error: Exception, status: int, code: str, param: str | None) -> None:
    fault = to_api_error(error)
    assert (fault.status, fault.code, fault.param) == (status, code, param)
    assert ("retry-after" in fault.headers) == (status in (429, 503))


def test_an_api_error_is_what_it_is() -> None:
    fault = ApiError(409, "video_not_ready", "Wait.")
    assert to_api_error(fault) is fault
    assert "Wait" not in str(fault)


def test_waiting_is_whole_seconds_that_the_official_client_honours() -> None:
    waits = [retry_after(seconds)["retry-after"] for seconds in (0.0, 1.2, 60, 9_998.5)]
    assert waits == ["1", "2", "60", "9999"]
    assert "x-should-retry" not in retry_after(120)
    assert retry_after(120.1)["x-should-retry"] == "false"
