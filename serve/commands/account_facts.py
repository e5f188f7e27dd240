"""An account as `filmgate accounts show` tells it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from serve.commands.tables import moment, show_table
from serve.settings import Settings

if TYPE_CHECKING:
    from serve.accounts.account import Account
    from serve.jobs.usage import Standing, Usage

COLUMNS = ("day (UTC)", "jobs", "clips", "GPU-seconds")


def facts_of(
    account: "Account", settings: Settings, standing: "Standing"
) -> Iterator[tuple[str, str]]:
    """Names and values; a limit that is not of the tier is marked."""
    from serve.accounts.limits import limits_of, unfinished_jobs

    yield "id", account.id
    yield "name", account.name
    yield "tier", account.tier
    yield "region", account.region or ""
    yield "invite", account.invite or ""
    yield "made", moment(account.created_at)
    yield "disabled", moment(account.disabled_at)
    limits = limits_of(account, settings.limits)
    own = account.overrides.model_fields_set
    for name, value in limits.model_dump(mode="json").items():
        shown = ", ".join(value) if isinstance(value, list) else value
        yield name, f"{'none' if value is None else shown}{' (its own)' if name in own else ''}"
    ladder = settings.rules.tiers
    most = unfinished_jobs(limits, ladder[ladder.rank(account.tier)].max_outstanding)
    yield "unfinished_jobs", f"{most} at most, promised ones included"
    yield "jobs", f"{standing.running} in progress, {standing.waiting} waiting"
    yield (
        "GPU-seconds today",
        (f"{standing.used_gpu_s:.1f}, and {standing.expected_gpu_s:.1f} expected of live jobs"),
    )


def show_usage(usage: "Sequence[Usage]", currency: str) -> None:
    """A line a day; nothing where nothing was used."""
    if usage:
        rows = (
            [day.day, str(day.jobs), str(day.clips), f"{day.gpu_s:.1f}", f"{day.price:.4f}"]
            for day in usage
        )
        show_table((*COLUMNS, currency), rows)
