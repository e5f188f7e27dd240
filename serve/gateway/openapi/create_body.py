"""Bodies as the OpenAPI document tells them; a clip's are two kinds, made from one model."""

import re
from typing import Any, Final

from pydantic import BaseModel
from starlette.requests import Request

from serve.gateway.errors import ApiError
from serve.gateway.openapi.responses import POLL_AFTER, RATE_LIMITS, Responses, faults, header
from serve.gateway.requests.schemas import CreateVideo

KEY_SHAPE: Final = r"^[!-~]([ -~]*[!-~])?$"
MAX_KEY_CHARS: Final = 255
CREATE_ASKS: Final[dict[str, Any]] = {
    "security": [{"HTTPBearer": []}],
    "parameters": [
        {
            "name": "idempotency-key",
            "in": "header",
            "required": False,
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_KEY_CHARS,
                "pattern": KEY_SHAPE,
            },
        }
    ],
}
"""What POST /v1/videos reads besides its body, in OpenAPI's words."""


def idempotency_key_of(request: Request) -> str | None:
    """The header of this name; raises `ApiError` (400) for one that cannot be a key."""
    key = request.headers.get("idempotency-key")
    if key is None or (len(key) <= MAX_KEY_CHARS and re.fullmatch(KEY_SHAPE, key)):
        return key
    message = f"`Idempotency-Key`: it must be 1 to {MAX_KEY_CHARS} printable ASCII characters."
    raise ApiError(400, "invalid_idempotency_key", message, param="Idempotency-Key")


def request_body() -> dict[str, Any]:
    """OpenAPI's `requestBody`, with the same fields for JSON and for forms."""
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _json_schema()},
                "multipart/form-data": {"schema": _form_schema()},
            },
        }
    }


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI's `requestBody` of a route that takes JSON only."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": True, "content": content}}


def create_responses() -> Responses:
    """The answers of POST /v1/videos."""
    replayed = header("`true` when an earlier request had made this job.")
    return {
        200: {
            "description": "The job, stored.",
            "headers": {**POLL_AFTER, **RATE_LIMITS, "idempotent-replayed": replayed},
        },
        **faults(400, 401, 403, 408, 413, 415, 429, 500, 503),
    }


def _json_schema() -> dict[str, Any]:
    """The model's schema with its one nested object put in place of the reference."""
    schema = CreateVideo.model_json_schema()
    [nested] = schema.pop("$defs").values()
    reference = schema["properties"]["input_reference"]
    reference["anyOf"] = [nested if "$ref" in kind else kind for kind in reference["anyOf"]]
    return schema


def _form_schema() -> dict[str, Any]:
    """A form has no null and no objects: the first frame is a file, or its URL in brackets."""
    schema = _json_schema()
    fields = schema["properties"]
    picture = {
        "description": fields["input_reference"]["description"],
        "type": "string",
        "format": "binary",
    }
    for field in fields.values():
        kinds = [kind for kind in field.pop("anyOf", []) if kind.get("type") != "null"]
        if kinds:
            field.update(kinds[0])
            del field["default"]
    fields["input_reference"] = picture
    fields["input_reference[image_url]"] = {"type": "string", "description": "The picture's URL."}
    fields["accept_lighter"] = {
        "description": fields["accept_lighter"]["description"] + " Both with a comma between.",
        "type": "string",
        "pattern": "^(size|steps)(,(size|steps))*$",
    }
    fields["extra_params"] = {
        "type": "string",
        "description": "More of these fields, as the JSON text of an object.",
    }
    return schema
