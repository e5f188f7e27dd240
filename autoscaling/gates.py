"""A gate for each tier: how large a part of its requests is turned aside, without flapping.

A gate closes above `closes_at` and opens again a whole ramp below it, and stays as it is for a
while after each move. While closed, the part that is turned aside grows from the point of
reopening to `shut_at`. For new users (0.8 and 1.2): closes at 0.8 with half turned aside, is shut
at 1.2, opens again at 0.4. With half of that hysteresis gates moved twice as often in the replay,
and nobody gained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite
from typing import Any, Final

from autoscaling.tiers import Tier, Tiers

Subject = tuple[str, str]
"""What a switch is about: `tier`, `model` or `region` with its name, `everybody` with none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """`hysteresis` is a part of the ramp between `closes_at` and `shut_at`."""

    hysteresis: float = 1.0
    dwell_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One tier's gate, and since when it is as it is."""

    closed: bool = False
    since: float = float("-inf")

    def after(self, level: float, tier: Tier, now: float, rule: GateRule) -> "Gate":
        """As the saturation `level` has it, unless it moved less than a dwell ago."""
        if now - self.since < rule.dwell_s:
            return self
        if not self.closed and level > tier.closes_at:
            return Gate(closed=True, since=now)
        if self.closed and level < reopens_at(tier, rule):
            return Gate(closed=False, since=now)
        return self

    def part_aside(self, level: float, tier: Tier, rule: GateRule) -> float:
        """The part of the tier's requests that is not let in at once, from 0 to 1."""
        if not self.closed:
            return 0.0
        foot = reopens_at(tier, rule)
        return min(1.0, max(0.0, (level - foot) / (tier.shut_at - foot)))


def reopens_at(tier: Tier, rule: GateRule) -> float:
    """The saturation below which a closed gate opens; above 0, or it never would."""
    foot = tier.closes_at - rule.hysteresis * (tier.shut_at - tier.closes_at)
    return max(foot, 0.1 * tier.closes_at)


def level_at(part: float, tier: Tier, rule: GateRule) -> float:
    """The saturation at which a closed gate turns this part aside; 0 for none."""
    foot = reopens_at(tier, rule)
    return foot + part * (tier.shut_at - foot) if part > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What an operator has decided, over whatever the load says."""

    rates: Mapping[str, float] = field(default_factory=dict)
    """Tier -> the part of its requests that may be let in at most; 0 closes it."""
    everybody: float = 1.0
    """The same for all tiers together; 0 drains the service."""
    closed_models: frozenset[str] = frozenset()
    closed_regions: frozenset[str] = frozenset()
    until: Mapping[Subject, float] = field(default_factory=dict)
    """When those end by themselves that do, in Unix seconds."""

    def rate(self, tier: str) -> float:
        """The part of the tier's requests that may be let in at most."""
        return min(self.everybody, self.rates.get(tier, 1.0))

    def least_rate(self, rank: int, tiers: Tiers) -> float:
        """The same, those of the tiers above included: what holds them back holds this one back."""
        return min(self.rate(tier.name) for tier in tiers.ladder[rank:])

    def ends_at(self, kind: str, name: str) -> float:
        """When it ends by itself; infinity where it stays until somebody ends it."""
        return self.until.get((kind, name), inf)

    def lets_pass_at(self, number: float, rank: int, tiers: Tiers) -> float:
        """When the last of those has ended that hold back whoever drew `number` (of `shedding`) in
        this tier: minus infinity where none does, infinity where one stays."""
        rates = {
            ("tier", tier.name): self.rates.get(tier.name, 1.0) for tier in tiers.ladder[rank:]
        }
        rates["everybody", ""] = self.everybody
        holding = [subject for subject, rate in rates.items() if number < 1 - rate]
        return max((self.ends_at(*subject) for subject in holding), default=-inf)

    def at(self, now: float) -> "Switches":
        """Without those that have ended by now."""
        over = {subject for subject, until in self.until.items() if until <= now}
        if not over:
            return self
        return Switches(
            rates={name: rate for name, rate in self.rates.items() if ("tier", name) not in over},
            everybody=1.0 if ("everybody", "") in over else self.everybody,
            closed_models=self.closed_models - {name for kind, name in over if kind == "model"},
            closed_regions=self.closed_regions - {name for kind, name in over if kind == "region"},
            until={subject: at for subject, at in self.until.items() if subject not in over},
        )


NO_SWITCHES: Final = Switches()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """All gates, the lowest tier's first. A new value after each look."""

    gates: tuple[Gate, ...]
    aside: tuple[float, ...]
    """The part turned aside; it never grows with the rank, so that nobody is let in at a higher
    rate than those in the tier above."""
    flips: tuple[int, ...]
    """How often each gate has moved."""

    @classmethod
    def open(cls, num_tiers: int) -> "Gates":
        return cls(gates=(Gate(),) * num_tiers, aside=(0.0,) * num_tiers, flips=(0,) * num_tiers)

    def after(
        self,
        levels: Sequence[float],
        tiers: Tiers,
        now: float,
        rule: GateRule,
        switches: Switches = NO_SWITCHES,
    ) -> "Gates":
        """As these saturations have it. An operator who closes a tier closes those below too."""
        moved = tuple(
            gate.after(level, tier, now, rule)
            for gate, level, tier in zip(self.gates, levels, tiers, strict=True)
        )
        aside = [
            max(gate.part_aside(level, tier, rule), 1 - switches.rate(tier.name))
            for gate, level, tier in zip(moved, levels, tiers, strict=True)
        ]
        for rank in range(len(aside) - 2, -1, -1):
            aside[rank] = max(aside[rank], aside[rank + 1])
        flips = tuple(
            count + (new.closed != old.closed)
            for count, new, old in zip(self.flips, moved, self.gates, strict=True)
        )
        return Gates(gates=moved, aside=tuple(aside), flips=flips)

    def plain(self, rank: int) -> dict[str, Any]:
        """A tier's gate, as JSON holds it."""
        gate = self.gates[rank]
        since = gate.since if isfinite(gate.since) else None
        return {"closed": gate.closed, "since": since, "flips": self.flips[rank]}

    def with_tier(self, rank: int, plain: Mapping[str, Any], now: float) -> "Gates":
        """With what `plain` gave for a tier; what part is turned aside, the next look says."""
        since = float("-inf") if plain["since"] is None else min(plain["since"], now)
        gate = Gate(closed=plain["closed"], since=since)
        return replace(
            self,
            gates=(*self.gates[:rank], gate, *self.gates[rank + 1 :]),
            flips=(*self.flips[:rank], plain["flips"], *self.flips[rank + 1 :]),
        )


def fail_safe(tiers: Tiers) -> tuple[float, ...]:
    """The parts to turn aside for whoever has no fresh snapshot: paid go on, all others wait."""
    return tuple(0.0 if tier.paid else 1.0 for tier in tiers)
