"""Structured logs: one line an event, as text or JSON, with ids as fields and never a prompt.

Log calls give values as `extra={"job_id": ...}`; only the names in `FIELDS` get through, whatever a
caller attaches. Of an exception, the line holds types and frames; its message only where that
cannot quote what somebody asked for.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from serve.settings.sections import Log
from serve.telemetry.request_id import REQUEST_ID

FIELDS: Final = (
    "request_id",
    "job_id",
    "account_id",
    "key_id",
    "model",
    "stage",
    "replica",
    "epoch",
    "attempt",
    "step",
    "status",
    "code",
    "digest",
    "began_at",
    "seconds",
)
OUR_LOGGERS: Final = ("serve", "pipelines", "autoscaling")
TELLING_MODULES: Final = frozenset({*OUR_LOGGERS, "torch", "safetensors", "obstore"})
"""Exceptions of these packages speak of numbers and places, not of requests; those of pydantic or
SQLAlchemy, say, print the very values that were wrong."""


def configure_logging(settings: Log) -> None:
    """Send this process's log lines to stderr. Calling it again replaces what it set up before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.format == "json" else TextLines())
    for name in OUR_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(settings.level)
        logger.propagate = False


class JsonLines(logging.Formatter):
    """{"time": "2026-11-20T09:30:01.123Z", "level": "INFO", "logger": ..., "message": ..., ...}."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
            **_fields(record),
        }
        if error := _error(record):
            line["exception"] = list(_described(error))
        return json.dumps(line, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """`09:30:01.123 INFO    serve.deployments.scheduler: adopted  job_id=video_1 step=3`."""

    def format(self, record: logging.LogRecord) -> str:
        values = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        line = f"{_time(record)[11:-1]} {record.levelname:7} {record.name}: {record.getMessage()}"
        # One event stays one line, whatever a value holds: nobody can forge a second one.
        line = f"{line}  {values}".rstrip().replace("\r", "\\r").replace("\n", "\\n")
        error = _error(record)
        return "\n".join([line, *(f"    {part}" for part in _described(error))]) if error else line


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    """What the call gave; and, while a request is served, which one that is."""
    given: dict[str, Any] = {
        name: record.__dict__[name] for name in FIELDS if name in record.__dict__
    }
    request_id = REQUEST_ID.get()
    return given if request_id is None else {"request_id": request_id, **given}


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _described(error: BaseException) -> Iterator[str]:
    """An exception and its causes, the first cause first: each one's frames, then its type."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _described(cause)
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"{frame.filename}:{frame.lineno} in {frame.name}"
    yield f"{_kind(error)}{_message(error)}"


def _kind(error: BaseException) -> str:
    kind = type(error)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _message(error: BaseException) -> str:
    """`: message` for errors of the system, of devices and of our own; nothing for others."""
    telling = type(error).__module__.partition(".")[0] in TELLING_MODULES
    if telling or isinstance(error, OSError) or type(error) in (RuntimeError, MemoryError):
        return f": {error}".replace("\n", "\\n")
    return ""
