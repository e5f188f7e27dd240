"""Which request a line is logged for: known to the task that serves it, and to those it starts."""

from contextvars import ContextVar
from typing import Final

REQUEST_ID: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)
