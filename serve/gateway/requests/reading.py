"""Reading a request's body, whatever it asks for: whole, as JSON, and its faults in words."""

import asyncio
import difflib
from collections.abc import Iterable
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from serve.gateway.errors import ApiError

BODY_TIMEOUT_S: Final = 120.0
M = TypeVar("M", bound=BaseModel)


def content_kind(request: Request, *known: str) -> str:
    """The body's media type; raises `ApiError` (415) unless it is one of those `known`."""
    stated = request.headers.get("content-type", "")
    if stated in known:
        return stated
    kind = parse_options_header(stated)[0].decode("latin-1")
    if kind not in known:
        message = f"Send the request as {' or '.join(known)}."
        raise ApiError(415, "unsupported_content_type", message)
    return kind


async def read_json(request: Request, model: type[M]) -> M:
    """The JSON body as `model`; raises `ApiError`."""
    content_kind(request, "application/json")
    fields = json_object("The body", await whole_body(request))
    try:
        return model.model_validate(fields, strict=True)
    except ValidationError as error:
        raise explain(error, model.model_fields) from None


async def whole_body(request: Request) -> bytes:
    """All of it; raises `ApiError` (408) when it does not arrive."""
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await request.body()
    except TimeoutError:
        message = "The body did not arrive in time."
        raise ApiError(408, "request_timeout", message, headers={"connection": "close"}) from None


def json_object(what: str, text: str | bytes) -> dict[str, Any]:
    """Strict JSON: UTF-8, no NaN, no endless nesting, no numbers of thousands of digits."""
    try:
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise ApiError(400, "invalid_json", f"{what} is no valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ApiError(400, "invalid_json", f"{what} must be a JSON object.")
    return value


def explain(error: ValidationError, known: Iterable[str], inner: Iterable[str] = ()) -> ApiError:
    """The fault that helps most: an unknown field before what its absence elsewhere causes.

    `known` are the names of the fields, `inner` those of objects in them.
    """
    faults: list[ErrorDetails] = error.errors(include_url=False, include_input=False)
    unknown = [fault for fault in faults if fault["type"] == "extra_forbidden"]
    fault = (unknown or faults)[0]
    name = str(fault["loc"][0])[:64]
    if unknown and len(fault["loc"]) > 1:
        last = str(fault["loc"][-1])[:64]
        return _unknown(f"{name}.{last}", last, [*inner])
    if unknown:
        return _unknown(name, name, [*known])
    if fault["type"] == "missing":
        message = f"`{name}` is required."
        return ApiError(400, "missing_required_parameter", message, param=name)
    return invalid(name, f"`{name}`: {fault['msg']}.")


def invalid(param: str, message: str) -> ApiError:
    """A field whose value cannot be."""
    return ApiError(400, f"invalid_{param}", message, param=param)


def _unknown(path: str, name: str, known: list[str]) -> ApiError:
    nearest = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean `{nearest[0]}`?" if nearest else f"known are {', '.join(known)}."
    return ApiError(400, "unknown_field", f"Unknown field `{path}`: {hint}", param=path)
