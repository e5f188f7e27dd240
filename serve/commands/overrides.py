"""Limits of one account as an operator writes them: `jobs_waiting=5 max_seconds=none`."""

import difflib
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from serve.commands.outcome import CommandError
from serve.settings import Settings
from serve.settings.accounts import Limits


def changed_limits(
    own: Limits, changes: Iterable[str], settings: Settings, *, reset: bool
) -> Limits:
    """The account's own limits after these changes; raises `CommandError`.

    `none` states that there is no limit; an empty value takes the statement back.
    """
    values: dict[str, Any] = {} if reset else own.model_dump(exclude_unset=True)
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


def _check_models(limits: Limits, settings: Settings) -> None:
    offered = [model.name for model in settings.models]
    if unknown := sorted(set(limits.models or ()) - set(offered)):
        raise CommandError(f"there is no model {', '.join(unknown)}: there is {', '.join(offered)}")
