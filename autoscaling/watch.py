"""The policy's memory: what was asked for and waited, how full it is, where the gates stand.

The Scheduler feeds it and looks once a second; what it sees is sent to the Gateways. The replay
does just the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from autoscaling.admission import Situation
from autoscaling.gates import NO_SWITCHES, Gates, Switches
from autoscaling.load import Load, TierLoad, apart
from autoscaling.meters import Percentile, Rates
from autoscaling.promises import Promised, Stretch, pressure
from autoscaling.rules import Rules
from autoscaling.saturation import Saturation, raw_levels
from autoscaling.steady import Steady

RAISED: Final = 1.01
"""A promise of no more than so many times the target was raised to it: the target that was then
is known within a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """GPU-seconds that are still to do, by rank, and the GPUs of healthy gangs."""

    gpus: float
    backlog_gpu_s: Sequence[float]
    promised_gpu_s: Sequence[float]
    running_gpu_s: Sequence[float] = ()
    """The part of the backlog that gangs are at work on; nothing if it is not said."""
    promised: Sequence[Promised] = ()
    """Unfinished promised jobs that do not run, the earliest promise first."""
    models: Mapping[str, "Stand"] = field(default_factory=dict)
    """How each model stands, where there are several: gangs of one make no other's clips."""


class Watch:
    """Goes on from what `plain` gave another process; else the gates are open, and it learns within
    minutes. A clock that is set back costs nothing: only promises go by what it says."""

    def __init__(self, rules: Rules, now: float) -> None:
        num_tiers = len(rules.tiers)
        self._rules = rules
        self._steady = Steady(now)
        self._rates = self._no_rates()
        self._rates_of: dict[str, Rates] = {}
        self._waits = Percentile(rules.meters.waits_s, 0.9)
        self._saturation = Saturation.idle(num_tiers, now)
        self._stretch = Stretch()
        self.gates = Gates.open(num_tiers)

    def asked(self, rank: int, gpu_s: float, now: float, model: str = "") -> None:
        """A request came, whatever becomes of it."""
        now = self._steady.at(now)
        self._rates.add(rank, gpu_s, now)
        if model:
            self._rates_for(model).add(rank, gpu_s, now)

    def waited(self, waited_s: float, affordable_s: float, now: float) -> None:
        """A paid job begins after `waited_s`; it could have waited `affordable_s`."""
        part = max(0.0, waited_s) / max(affordable_s, self._rules.meters.least_s)
        self._waits.add(part, self._steady.at(now))

    def kept(self, waited_s: float, promised_s: float, target_s: float) -> None:
        """A promised job is done. One that was raised to the tier's target, as it was then, teaches
        nothing: however predictions are stretched, no less may be promised.
        """
        if promised_s > RAISED * target_s:
            kept = waited_s <= promised_s
            self._stretch = self._stretch.observed(self._rules.promises, kept=kept)

    def look(self, stand: Stand, now: float, switches: Switches = NO_SWITCHES) -> Situation:
        """Measure, move the gates, and say what requests are to be decided from."""
        rules, steady = self._rules, self._steady.at(now)
        models = {
            name: self._load(of_model, self._rates_for(name), now, steady)
            for name, of_model in stand.models.items()
        }
        load = self._load(stand, self._rates, now, steady)
        self._fade(models, steady)
        if models:
            load = replace(load, promise_pressure=max(m.promise_pressure for m in models.values()))
        raw = fullest(load, models, rules)
        self._saturation = self._saturation.after(raw, steady, rules.saturation)
        levels = self._saturation.levels
        self.gates = self.gates.after(levels, rules.tiers, steady, rules.gates, switches)
        return Situation(
            load=load,
            levels=levels,
            aside=self.gates.aside,
            stretch=self._stretch,
            rules=rules,
            switches=switches,
            models=models,
        )

    def plain(self) -> dict[str, Any]:
        """All that it has learnt, as JSON holds it: tiers by name, for a ladder may change."""
        tiers = {
            tier.name: {
                **self._rates.plain(rank),
                "saturation": self._saturation.plain(rank),
                "gate": self.gates.plain(rank),
            }
            for rank, tier in enumerate(self._rules.tiers)
        }
        models = {
            model: {tier.name: rates.plain(rank) for rank, tier in enumerate(self._rules.tiers)}
            for model, rates in self._rates_of.items()
        }
        return {
            "tiers": tiers,
            "models": models,
            "waits": self._waits.plain(),
            "stretch": self._stretch.learnt,
            "at": self._saturation.at,
            "ahead_s": self._steady.ahead_s,
        }

    def take_up(self, plain: dict[str, Any], now: float) -> None:
        """Go on from there. What is old has faded by its own periods; a new tier's gate is open.
        Earlier versions knew no models, and kept the ratios that promises had: another stretch."""
        learnt = plain["stretch"]
        self._stretch = Stretch(learnt=float(learnt) if isinstance(learnt, int | float) else None)
        self._steady.not_before(plain["at"], now, plain.get("ahead_s", 0.0))
        now = self._steady.at(now)
        self._saturation = replace(self._saturation, at=plain["at"])
        for rank, tier in enumerate(self._rules.tiers):
            if (of_tier := plain["tiers"].get(tier.name)) is None:
                continue
            self._rates.take_up(rank, of_tier, now)
            for model, of_model in plain.get("models", {}).items():
                if tier.name in of_model:
                    self._rates_for(model).take_up(rank, of_model[tier.name], now)
            self._saturation = self._saturation.with_tier(rank, of_tier["saturation"])
            self.gates = self.gates.with_tier(rank, of_tier["gate"], now)
        self._waits.take_up(plain["waits"], now)

    def _no_rates(self) -> Rates:
        return Rates(len(self._rules.tiers), self._rules.meters)

    def _rates_for(self, model: str) -> Rates:
        return self._rates_of.setdefault(model, self._no_rates())

    def _fade(self, models: Mapping[str, Load], steady: float) -> None:
        """What was asked of a model goes with time, though nobody looks at it: where there is one
        model only, or it is offered no more. Then it is forgotten with the last of it."""
        for model, rates in list(self._rates_of.items()):
            asked = [rates.of(rank, steady) for rank in range(len(self._rules.tiers))]
            if model not in models and not any(sustained for _, sustained in asked):
                del self._rates_of[model]

    def _load(self, stand: Stand, rates: Rates, now: float, steady: float) -> Load:
        num_tiers = len(self._rules.tiers)
        asked = [rates.of(rank, steady) for rank in range(num_tiers)]
        tiers = tuple(
            TierLoad(
                backlog_gpu_s=backlog,
                running_gpu_s=running,
                promised_gpu_s=promised,
                offered_gpu_s_per_s=offered,
                sustained_gpu_s_per_s=sustained,
            )
            for backlog, running, promised, (offered, sustained) in zip(
                stand.backlog_gpu_s,
                stand.running_gpu_s or [0.0] * num_tiers,
                stand.promised_gpu_s,
                asked,
                strict=True,
            )
        )
        bare = Load(gpus=stand.gpus, tiers=tiers, paid_wait=self._waits.value(steady))
        needed = pressure(
            stand.promised, load=bare, tiers=self._rules.tiers, rule=self._rules.promises, now=now
        )
        return replace(bare, promise_pressure=needed)


def fullest(load: Load, models: Mapping[str, Load], rules: Rules) -> tuple[float, ...]:
    """The present saturation of each tier: that of the model which is fullest for it. Who asks for
    another one that is idle is told a time soon, and gets its gangs at once."""
    loads = apart(load, models)
    of_each = (raw_levels(each, rules.tiers, rules.saturation, rules.gates) for each in loads)
    return tuple(map(max, zip(*of_each, strict=True)))
