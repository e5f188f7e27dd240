"""When to ask again: which faults pass, how long to wait, and when it is enough. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

BUSY = frozenset({429, 502, 503, 504})
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 8.0


class ApiFault(Exception):
    """The service said no, or nothing; the message is for people.

    `status` is None when there was no answer at all. `passing` faults may be gone on the next try.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        passing: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.passing = passing
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to go on trying, in seconds: without any answer, and against refusals."""

    unreachable_s: float = 15.0
    refused_s: float = 300.0

    def pause_s(self, fault: ApiFault, attempt: int, waited_s: float) -> float | None:
        """How long to wait after failed attempt `attempt` (0 is the first); None: give up."""
        if not fault.passing:
            return None
        backoff = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(attempt, 10))
        pause = backoff if fault.retry_after_s is None else fault.retry_after_s
        limit = self.unreachable_s if fault.status is None else self.refused_s
        return pause if waited_s + pause <= limit else None


def fault_of(status: int, headers: Mapping[str, str], body: object) -> ApiFault:
    """The fault behind an answer; `body` is its JSON, or None when it has none."""
    error = body.get("error") if isinstance(body, dict) else None
    told = error if isinstance(error, dict) else {}
    should = headers.get("x-should-retry")
    # Without an envelope a 500 is the proxy's own, about a replica that was just replaced.
    passing = status in BUSY or (status == 500 and not told)
    return ApiFault(
        str(told.get("message") or f"the service answered {status} without saying why"),
        status=status,
        code=told.get("code"),
        passing=should == "true" or (passing and should != "false"),
        retry_after_s=_retry_after_s(headers),
    )


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from `retry-after-ms` or `retry-after`; a date there counts as not said."""
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit_s)
        except (KeyError, ValueError):
            continue
    return None
