"""What a command is about: a tier, a model, a region, or everything; and what that comes to."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import typer

from serve.commands.outcome import CommandError
from serve.settings import Settings

if TYPE_CHECKING:
    from serve.jobs.switch import Kind, Switch

REGION: Final = re.compile(r"[a-z0-9-]{2,32}", re.ASCII)

Tier = Annotated[str | None, typer.Argument(metavar="[TIER]", help="A tier of the settings.")]
OfModel = Annotated[str | None, typer.Option("--model", help="A model.", metavar="MODEL")]
OfRegion = Annotated[
    str | None, typer.Option("--region", help="A region, such as kr.", metavar="REGION")
]


@dataclass(frozen=True, slots=True)
class Target:
    """A place for a switch, and the words for it."""

    kind: "Kind"
    name: str
    words: str


def target_of(
    settings: Settings, tier: str | None, model: str | None, region: str | None, *, everything: bool
) -> Target:
    """The one that was named; nothing is `everything`, where it may be. Raises `CommandError`."""
    from serve.jobs.switch import Kind

    named = [name for name in (tier, model, region) if name is not None]
    if len(named) > 1:
        raise CommandError("one thing at a time: a tier, or --model, or --region")
    if tier is not None:
        return Target(Kind.TIER, _known("tier", tier, settings.tiers), f"the tier {tier}")
    if model is not None:
        models = [each.name for each in settings.models]
        return Target(Kind.MODEL, _known("model", model, models), f"the model {model}")
    if region is not None:
        return Target(Kind.REGION, checked_region(region), f"the region {region}")
    if not everything:
        tiers = " | ".join(settings.tiers)
        raise CommandError(f"say what: {tiers}, --model MODEL or --region REGION")
    return Target(Kind.EVERYBODY, "", "the service")


def checked_region(region: str) -> str:
    """A region as accounts may have it; raises `CommandError`."""
    if REGION.fullmatch(region) is None:
        raise CommandError(f"{region} is no region: write 2 to 32 of a-z, 0-9 and -, such as kr")
    return region


def held_back_by(
    target: Target, switches: "Sequence[Switch]", settings: Settings
) -> "list[Switch]":
    """Other switches that hold the target back as well: a drain, and those of tiers above."""
    from serve.jobs.switch import Kind

    if target.kind is not Kind.TIER:
        return [switch for switch in switches if switch.kind is Kind.EVERYBODY]
    above = settings.tiers[settings.tiers.index(target.name) + 1 :]
    return [
        switch
        for switch in switches
        if switch.kind is Kind.EVERYBODY or (switch.kind is Kind.TIER and switch.name in above)
    ]


def tiers_below(target: Target, settings: Settings) -> tuple[str, ...]:
    """What is closed with a tier."""
    from serve.jobs.switch import Kind

    if target.kind is not Kind.TIER:
        return ()
    return settings.tiers[: settings.tiers.index(target.name)]


def _known(noun: str, name: str, names: Sequence[str]) -> str:
    if name in names:
        return name
    nearest = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {nearest[0]}?" if nearest else f"there is {', '.join(names)}"
    raise CommandError(f"there is no {noun} {name}: {hint}")
