"""Those who want an account: what they ask, their place on the waitlist, why they may not come in.

Pure values; times are Unix seconds.
"""

from dataclasses import dataclass

from autoscaling.admission import Situation
from autoscaling.load import Load
from autoscaling.newcomers import Entry
from serve.accounts.account import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """What somebody asks for; `token` is that of a place which is held already."""

    name: str
    region: str | None = None
    invite: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A new account with its key in plain text, which cannot be had again."""

    account: Account
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place on the waitlist."""

    id: str
    name: str
    region: str | None
    asked_at: float
    called_at: float | None = None
    """Since when the account may be claimed."""
    account_id: str | None = None
    """The account that it became."""
    position: int | None = None
    """How many are called before; None once it is called."""
    expected_at: float | None = None
    """When it is called at the present rate; None while nobody is."""
    claim_by: float | None = None
    """When a called place is given up."""
    token: str | None = None
    """Proves whose place it is; told once, stored as a digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the sign-up gate sees of the cluster; `level` is new users' smoothed saturation."""

    load: Load
    level: float
    mean_gpu_s: float
    """Of a clip."""


def room_of(situation: Situation, rank: int, mean_gpu_s: float) -> Room:
    """The room for newcomers, whose accounts begin in the tier with this rank.

    While an operator has closed that tier, its accounts could do nothing: that counts as overload.
    """
    closed = situation.switches.least_rate(rank, situation.rules.tiers) <= 0
    level = float("inf") if closed else situation.levels[rank]
    return Room(load=situation.load, level=level, mean_gpu_s=mean_gpu_s)


class NotLetIn(Exception):
    """No account and no place on the list; `entry` says why."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.value)
        self.entry = entry


class RegionNeeded(Exception):
    """Some regions are closed, and the request does not say where it comes from."""


class NameWaits(ValueError):
    """Somebody with this name is on the waitlist, and no token proves that it is the same one."""


class WaitlistFull(Exception):
    """As many wait as there may be."""


class UnknownPlace(LookupError):
    """There is no such place on the waitlist, or its token is another one."""


class NotCalled(Exception):
    """Others are before this place, which is told."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.id)
        self.place = place


class Claimed(Exception):
    """The account of this place is in use: its key is with whoever claimed it."""
