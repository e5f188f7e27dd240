"""How many new accounts may be opened, who is next, and how fast that reopens after a flood.

An account that is opened goes on asking, so the gate of new users is no help against too many of
them: sign-ups are let in only as fast as there are GPU-seconds to spare,
R = max(0, 0.85 * G - offered) / (4.5 * mean cost). With 4 GPUs to spare and 150 GPU-seconds a clip
that is 21 accounts an hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from autoscaling.load import Load


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpRule:
    """Rates change a minute at a time; times in seconds."""

    enabled: bool = True
    counted_on: float = 0.85
    """Part of the GPUs that is counted on."""
    clips_per_account: float = 4.5
    reopen: float = 0.01
    """Of the full rate, regained in each minute without overload."""
    cut: float = 0.05
    """Of what is left of it, lost in each minute with overload."""
    overload_at: float = 1.0
    """New users' saturation from which on a minute counts as overloaded."""
    burst_s: float = 3_600.0
    """Entries that were not used are saved up for this long."""
    least_burst: float = 1.0
    """So many may be saved up, however slowly they come."""
    closed_regions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUps:
    """The bucket of entries as of `at`. To be stored: it must outlive the process."""

    entries: float
    openness: float
    """Part of the rate that is used: it falls in a flood and comes back by degrees."""
    rate: float
    """Accounts a second."""
    at: float

    @classmethod
    def first(cls, now: float, entries: float = 0.0) -> "SignUps":
        """Before anything was seen."""
        return cls(entries=entries, openness=1.0, rate=0.0, at=now)

    def after(
        self, load: Load, level: float, mean_gpu_s: float, now: float, rule: SignUpRule
    ) -> "SignUps":
        """With one more look; `level` is new users' smoothed saturation."""
        passed_s = max(0.0, now - self.at)
        minutes = passed_s / 60
        if level >= rule.overload_at:
            openness = self.openness * (1 - rule.cut) ** minutes
        else:
            openness = min(1.0, self.openness + rule.reopen * minutes)
        rate = openness * full_rate(load, mean_gpu_s, rule)
        entries = min(self.entries + rate * passed_s, max(rule.least_burst, rate * rule.burst_s))
        return SignUps(entries=entries, openness=openness, rate=rate, at=max(now, self.at))

    def used(self) -> "SignUps":
        """One account was opened."""
        return replace(self, entries=self.entries - 1)


def full_rate(load: Load, mean_gpu_s: float, rule: SignUpRule) -> float:
    """Accounts a second that the GPUs to spare can bear."""
    asked = sum(tier.sustained_gpu_s_per_s for tier in load.tiers)
    spare = max(0.0, rule.counted_on * load.gpus - asked)
    return spare / (rule.clips_per_account * max(mean_gpu_s, 1e-3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """A code that lets some in past the waitlist, as long as it has entries left."""

    code: str
    entries_left: int
    expires_at: float = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicant:
    """Somebody who wants an account, on the waitlist since `asked_at`."""

    id: str
    asked_at: float
    region: str | None = None


class Entry(StrEnum):
    """What becomes of a sign-up."""

    OPENED = "opened"
    INVITED = "invited"
    WAITLIST = "waitlist"
    CLOSED = "sign_up_closed"
    REGION_CLOSED = "region_closed"
    NO_INVITE = "invite_invalid"


def signs_up(
    applicant: Applicant,
    *,
    waiting: int,
    sign_ups: SignUps,
    rule: SignUpRule,
    invite: Invite | None = None,
) -> Entry:
    """At once only if nobody is on the list: trying again never beats those who wait.

    An invitation is good for entry while it has entries left, in open regions.
    """
    if not rule.enabled:
        return Entry.CLOSED
    if applicant.region in rule.closed_regions:
        return Entry.REGION_CLOSED
    if invite is not None:
        valid = invite.entries_left > 0 and applicant.asked_at < invite.expires_at
        return Entry.INVITED if valid else Entry.NO_INVITE
    return Entry.OPENED if not waiting and sign_ups.entries >= 1 else Entry.WAITLIST


def called(
    waitlist: Sequence[Applicant], sign_ups: SignUps, rule: SignUpRule
) -> tuple[list[Applicant], SignUps]:
    """Who gets an account now, in the order of asking; those of closed regions keep their place."""
    if not rule.enabled:
        return [], sign_ups
    let_in: list[Applicant] = []
    for applicant in sorted(waitlist, key=lambda each: (each.asked_at, each.id)):
        if sign_ups.entries < 1:
            break
        if applicant.region not in rule.closed_regions:
            let_in.append(applicant)
            sign_ups = sign_ups.used()
    return let_in, sign_ups


def expected_in_s(position: int, sign_ups: SignUps) -> float | None:
    """Seconds until whoever has `position` (0 is next) gets in at the present rate; None while
    nobody does."""
    missing = position + 1 - sign_ups.entries
    if missing <= 0:
        return 0.0
    return missing / sign_ups.rate if sign_ups.rate > 0 else None
