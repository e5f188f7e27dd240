"""The answers of each route as the OpenAPI document tells them."""

from typing import Any, Final

from serve.gateway.errors import ErrorEnvelope

Responses = dict[int | str, dict[str, Any]]

REASONS: Final = {
    400: "The request is not acceptable; `error.code` and `error.param` say why.",
    401: "A key is needed and missing, malformed, unknown or revoked.",
    403: "The account is disabled, or may not ask for this; `error.code` says which.",
    404: "Not there, or not yours.",
    408: "The body did not arrive in time.",
    409: "Not now: the clip is unfinished, or the account's name is taken.",
    410: "Gone: the clip's time has passed.",
    413: "The body is larger than the service accepts.",
    415: "The body is neither JSON nor a multipart form.",
    429: "Too much at once; the header says when to come back.",
    500: "A fault of the service itself.",
    503: "Something behind the service does not answer, or it is out of disk space.",
}
RETRY_AFTER: Final = {
    "retry-after": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
}


def faults(*statuses: int) -> Responses:
    """Documentation of these faults, all with the same envelope."""
    found: Responses = {}
    for status in statuses:
        found[status] = {"model": ErrorEnvelope, "description": REASONS[status]}
        if status in (429, 503):
            found[status]["headers"] = RETRY_AFTER
    return found


def header(description: str, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


def binary(*media_types: str) -> dict[str, Any]:
    return {kind: {"schema": {"type": "string", "format": "binary"}} for kind in media_types}


POLL_AFTER: Final = {
    "openai-poll-after-ms": header("Milliseconds after which to ask again.", "integer")
}
RATE_LIMITS: Final = {
    f"x-ratelimit-{what}-{unit}": header(f"{meaning} {noun}, where the account has a limit.")
    for unit, noun in (("requests", "requests a minute"), ("gpu-seconds", "GPU-seconds a day"))
    for what, meaning in (
        ("limit", "Of"),
        ("remaining", "What is left of"),
        ("reset", "A duration such as `6m0s`, until there are all"),
    )
}
READ_FAULTS: Final = faults(400, 401, 403, 404, 413, 500, 503)
EVENTS_RESPONSES: Final[Responses] = {
    200: {
        "description": "The stream; it ends after `done`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    204: {"description": "The job has ended, and the client has been told."},
    **READ_FAULTS,
    **faults(429),
}
LOAD_EVENTS_RESPONSES: Final[Responses] = {
    200: {
        "description": "The stream, without end.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    **faults(401, 403, 429),
}
CLIP_HEADERS: Final = {
    "etag": header("The version of these bytes."),
    "accept-ranges": header("Always `bytes`."),
}
CONTENT_RESPONSES: Final[Responses] = {
    200: {
        "description": "The clip, or the picture of it that was asked for.",
        "content": binary("video/mp4", "image/webp"),
        "headers": CLIP_HEADERS,
    },
    206: {
        "description": "A part of it.",
        "content": binary("video/mp4", "image/webp"),
        "headers": {**CLIP_HEADERS, "content-range": header("Which part.")},
    },
    304: {"description": "The client has it already."},
    416: {
        "model": ErrorEnvelope,
        "description": "There are no such bytes.",
        "headers": {"content-range": header("How many bytes there are.")},
    },
    **READ_FAULTS,
    **faults(409, 410),
}
HEAD_RESPONSES: Final[Responses] = {
    status: {"description": facts["description"], "headers": facts.get("headers", {})}
    for status, facts in CONTENT_RESPONSES.items()
    if status not in (206, 416)
}
