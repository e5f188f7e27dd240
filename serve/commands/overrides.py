"""Limits of one account as an operator writes them: `jobs_waiting=5 max_seconds=none`."""

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from serve.commands.outcome import CommandError
from serve.settings import Settings
from serve.settings.accounts import Limits

if TYPE_CHECKING:
    from serve.accounts.account import Account

NUMBERS_OF_JOBS: Final = ("jobs_waiting", "jobs_at_once")


def changed_limits(
    account: "Account", changes: Sequence[str], settings: Settings, *, reset: bool
) -> Limits:
    """The account's own limits after these changes; raises `CommandError`.

    `none` states that there is no limit; an empty value takes the statement back.
    """
    values: dict[str, Any] = {} if reset else account.overrides.model_dump(exclude_unset=True)
    for change in changes:
        name, equals, text = change.partition("=")
        _check_name(name, equals)
        values.pop(name, None)
        if text:
            values[name] = _value(name, text)
    try:
        limits = Limits.model_validate(values)
    except ValidationError as error:
        fault = error.errors()[0]
        name = str(fault["loc"][0])
        raise CommandError(f"{name}={fault['input']}: {fault['msg'].lower()}") from None
    _check_models(limits, settings)
    named = [change.partition("=")[0] for change in changes]
    _check_jobs(
        {name: getattr(limits, name) for name in NUMBERS_OF_JOBS if name in named},
        account,
        settings,
    )
    return limits


def _check_name(name: str, equals: str) -> None:
    if not equals:
        raise CommandError(f"`{name}` states nothing: write {name}=VALUE")
    if name not in Limits.model_fields:
        nearest = difflib.get_close_matches(name, Limits.model_fields, 1)
        known = ", ".join(Limits.model_fields)
        raise CommandError(
            f"there is no limit {name}: "
            + (f"did you mean {nearest[0]}?" if nearest else f"there are {known}")
        )


def _value(name: str, text: str) -> Any:
    if text == "none":
        return None
    return tuple(text.split(",")) if name == "models" else text


def _check_jobs(stated: Mapping[str, int | None], account: "Account", settings: Settings) -> None:
    """What is above the tier's would do nothing."""
    ladder = settings.rules.tiers
    tier = ladder[ladder.rank(account.tier)]
    for name, jobs in stated.items():
        if jobs is not None and jobs > tier.max_outstanding:
            raise CommandError(
                f"{name}={jobs}: an account of the tier {account.tier} may have "
                f"{tier.max_outstanding} unfinished jobs "
                f"(policy.tiers.{tier.name}.max_outstanding): state at most so many, raise that "
                f"setting, or put {account.name} into another tier"
            )


def _check_models(limits: Limits, settings: Settings) -> None:
    offered = [model.name for model in settings.models]
    if unknown := sorted(set(limits.models or ()) - set(offered)):
        raise CommandError(f"there is no model {', '.join(unknown)}: there is {', '.join(offered)}")
