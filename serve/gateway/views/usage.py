"""GET /v1/usage as the API tells it."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from serve.gateway.views.cost import GPU_DIGITS, PRICE_DIGITS
from serve.jobs.usage import Usage


class Used(BaseModel):
    """`jobs` counts all that ended, `clips` those that were completed."""

    jobs: int
    clips: int
    gpu_s: float
    price: float


class UsedDay(Used):
    """A day (UTC) on which jobs ended."""

    date: str


class UsageReport(BaseModel):
    """Days without any use are left out."""

    object: Literal["usage"]
    currency: str
    data: list[UsedDay]
    total: Used


def usage_report(days: Sequence[Usage], currency: str) -> UsageReport:
    """The days and their sum."""
    return UsageReport(
        object="usage",
        currency=currency,
        data=[UsedDay(date=day.day, **_used([day])) for day in days],
        total=Used(**_used(days)),
    )


def _used(days: Sequence[Usage]) -> dict[str, float]:
    return {
        "jobs": sum(day.jobs for day in days),
        "clips": sum(day.clips for day in days),
        "gpu_s": round(sum(day.gpu_s for day in days), GPU_DIGITS),
        "price": round(sum(day.price for day in days), PRICE_DIGITS),
    }
