"""Every fault a client can meet, as OpenAI's error envelope: the one file that maps them."""

import logging
import math
from collections.abc import Mapping

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from pipelines.media.pictures import PictureError
from pipelines.spec import SpecError
from serve.artifacts.store import ArtifactError
from serve.gateway.gate import Gate
from serve.jobs.store import IdempotencyMismatch, QueueFull

log = logging.getLogger(__name__)
RETRY_STORE_S = 2
RETRY_QUEUE_S = 5
LONGEST_WAIT_S = 120
"""The SDK does not repeat a request at all when it is told to wait for longer."""
ROUTING_CODES = {404: "unknown_url", 405: "method_not_allowed"}
METHODS = ("DELETE", "GET", "HEAD", "POST")
NO_RETRY = {"x-should-retry": "false"}
"""The SDK repeats some faults by itself; this header keeps it from doing so."""


class ErrorBody(BaseModel):
    """What went wrong: `code` is stable, `message` is for people, `param` names the field.

    Where the gate did not let a request in, `gate` says more.
    """

    message: str
    type: str
    param: str | None
    code: str
    gate: Gate | SkipJsonSchema[None] = Field(None, exclude_if=lambda gate: gate is None)


class ErrorEnvelope(BaseModel):
    """Every answer that is not a success has this body."""

    error: ErrorBody


class ApiError(Exception):
    """A fault with everything its answer needs."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
        gate: Gate | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.headers = dict(headers or {})
        self.gate = gate

    def response(self) -> Response:
        kind = "invalid_request_error"
        if self.status >= 500:
            kind = "server_error"
        elif self.status == 429:
            kind = "rate_limit_error"
        error: dict[str, object] = {
            "message": self.message,
            "type": kind,
            "param": self.param,
            "code": self.code,
        }
        if self.gate is not None:
            error["gate"] = self.gate.model_dump()
        content = {"error": error}
        return JSONResponse(content, status_code=self.status, headers=self.headers)


def retry_after(seconds: float) -> dict[str, str]:
    """The header, rounded up. Nobody should wait for longer than the SDK does: then it says so."""
    wait_s = max(1, math.ceil(seconds))
    return {"retry-after": str(wait_s), **(NO_RETRY if wait_s > LONGEST_WAIT_S else {})}


def unavailable(what: str) -> ApiError:
    """Something behind the Gateway does not answer; asking again soon is right."""
    return ApiError(
        503,
        "service_unavailable",
        f"The {what} does not answer at the moment; try again shortly.",
        headers=retry_after(RETRY_STORE_S),
    )


def not_found(what: str, name: str, *, param: str | None = None) -> ApiError:
    return ApiError(404, f"{what}_not_found", f"There is no {what} `{name[:200]}`.", param=param)


EXPECTED: tuple[type[Exception], ...] = (
    ApiError,
    SpecError,
    PictureError,
    QueueFull,
    IdempotencyMismatch,
    ArtifactError,
    RequestValidationError,
    HTTPException,
    DBAPIError,
    PoolTimeout,
    OSError,  # a database or a bucket that refuses the connection; TimeoutError is one too
)
"""What `to_api_error` knows; anything else is a fault of the service itself."""


def to_api_error(error: Exception) -> ApiError:
    """The fault that the client is told about, for any exception."""
    match error:
        case ApiError():
            return error
        case SpecError():
            return ApiError(400, error.code, error.message, param=error.param)
        case PictureError():
            return ApiError(400, error.code, error.message, param="input_reference")
        case RequestValidationError():
            return _invalid_parameter(error)
        case HTTPException():
            return _routing_fault(error)
        case QueueFull() | IdempotencyMismatch():
            return _refused_by_store(error)
    return _fault_behind(error)


def _refused_by_store(error: QueueFull | IdempotencyMismatch) -> ApiError:
    if isinstance(error, QueueFull):
        message = "As many clips are waiting as this service allows; try again later."
        return ApiError(429, "queue_full", message, headers=retry_after(RETRY_QUEUE_S))
    message = "This Idempotency-Key was used for a different request before; choose a new key."
    return ApiError(400, "idempotency_key_reused", message, param="Idempotency-Key")


def _fault_behind(error: Exception) -> ApiError:
    if isinstance(error, ArtifactError):
        return unavailable("artifact store")
    if _is_down(error):
        return unavailable("database")
    return ApiError(500, "internal_error", "Something went wrong in the service itself.")


def _is_down(error: Exception) -> bool:
    """Whether a database or its connection failed, and not the statement that was sent to it.

    PostgreSQL's driver has its own errors for connecting, which SQLAlchemy hands on as they are.
    """
    if isinstance(error, DataError | IntegrityError | NotSupportedError | ProgrammingError):
        return False
    own = type(error).__module__.partition(".")[0] == "asyncpg"
    return own or isinstance(error, DBAPIError | PoolTimeout | OSError)


def _invalid_parameter(error: RequestValidationError) -> ApiError:
    """The first complaint about a query parameter or a header."""
    first = error.errors()[0]
    name = str(first["loc"][-1])
    code = f"invalid_{name.lower().replace('-', '_')}"
    return ApiError(400, code, f"`{name}`: {first['msg']}.", param=name)


def _routing_fault(error: HTTPException) -> ApiError:
    code = ROUTING_CODES.get(error.status_code, "invalid_request")
    message = {
        "unknown_url": "There is nothing at this address; /openapi.json lists what there is.",
        "method_not_allowed": "This address does not take this method.",
    }.get(code, "The request cannot be answered.")
    return ApiError(error.status_code, code, message, headers=error.headers)


async def answer_fault(request: Request, error: Exception) -> Response:
    """Exception handler for everything in `EXPECTED`."""
    fault = to_api_error(error)
    if fault.status == 405:
        fault.headers = {"allow": ", ".join(_methods_here(request))}
    if fault.status == 500:
        raise error
    if fault.status > 500:
        log.warning("answered %s %s: %s", fault.status, fault.code, type(error).__name__)
    return fault.response()


def _methods_here(request: Request) -> list[str]:
    """All methods of an address: each is a route of its own, and only one route was asked.

    An address that is documented by its whole name has no others, although ids look like it.
    """
    named = request.app.openapi()["paths"].get(request.url.path)
    return [
        method
        for method in METHODS
        if (method.lower() in named if named else _is_routed(request, method))
    ]


def _is_routed(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)
