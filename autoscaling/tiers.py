"""Who asks, in ranks: what each tier is owed, and at what load its gate begins to close."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """One tier. Saturation is 1 when the admitted work takes the drain target to finish."""

    name: str
    paid: bool
    """Paid jobs go by their deadlines, all others share by GPU-seconds."""
    closes_at: float
    """Saturation above which some are no longer let in at once."""
    shut_at: float
    """Saturation from which on nobody is."""
    slo_scale: float
    """A clip is on time within this many times what it takes on an idle gang of standard size."""
    least_target_s: float = 60.0
    """A clip that is there within so many seconds is on time, however short it is."""
    weight: float = 1.0
    """Share of the GPU-seconds that are left over by paid jobs, against other tiers."""
    max_promise_s: float = 4 * HOUR_S
    """A promise further away than this is not made; 0 makes none. Where a tier's longest one is no
    further away than that of the tier below, its large clips are refused beside small ones of the
    other."""
    max_outstanding: int = 1_000
    """Jobs of one account that wait, run or are promised; one more is refused."""

    def __post_init__(self) -> None:
        if not 0 < self.closes_at < self.shut_at:
            raise ValueError(
                f"tier {self.name}: closes_at ({self.closes_at}) must be above 0 and below "
                f"shut_at ({self.shut_at})"
            )
        if self.weight <= 0 or self.slo_scale <= 0:
            raise ValueError(f"tier {self.name}: weight and slo_scale must be above 0")

    def target_s(self, standalone_s: float) -> float:
        """A clip that takes `standalone_s` on an idle gang is on time within this many seconds."""
        return max(self.least_target_s, self.slo_scale * standalone_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiers:
    """All tiers, the lowest first. Raises `ValueError` where a lower one would be better off."""

    ladder: tuple[Tier, ...]

    def __post_init__(self) -> None:
        if not self.ladder:
            raise ValueError("there must be at least one tier")
        names = [tier.name for tier in self.ladder]
        if len(set(names)) != len(names):
            raise ValueError(f"a tier is there twice: {', '.join(names)}")
        for lower, upper in zip(self.ladder, self.ladder[1:], strict=False):
            _check_step(lower, upper)

    def __len__(self) -> int:
        return len(self.ladder)

    def __iter__(self) -> Iterator[Tier]:
        return iter(self.ladder)

    def __getitem__(self, rank: int) -> Tier:
        return self.ladder[rank]

    @property
    def paid_ranks(self) -> tuple[int, ...]:
        return tuple(rank for rank, tier in enumerate(self.ladder) if tier.paid)

    def pays(self, name: str) -> bool:
        """Whether the tier is a paid one; one that is not there is not."""
        return any(tier.paid for tier in self if tier.name == name)

    def rank(self, name: str) -> int:
        """0 is the lowest, and an unknown tier's."""
        return next((i for i, tier in enumerate(self.ladder) if tier.name == name), 0)


def _check_step(lower: Tier, upper: Tier) -> None:
    """Raise `ValueError` unless `upper` is at least as well off as `lower` in everything."""
    for name in ("paid", "closes_at", "shut_at", "max_promise_s", "max_outstanding"):
        below, above = getattr(lower, name), getattr(upper, name)
        if above < below:
            raise ValueError(
                f"tier {upper.name} is above {lower.name}, so its {name} must not be lower: "
                f"{above} is below {below}"
            )


DEFAULT_TIERS: Final = Tiers(
    ladder=(
        Tier(
            name="new",
            paid=False,
            closes_at=0.8,
            shut_at=1.2,
            slo_scale=10.0,
            max_outstanding=10,
        ),
        Tier(
            name="free",
            paid=False,
            closes_at=0.9,
            shut_at=1.5,
            slo_scale=10.0,
            weight=2.0,
            max_outstanding=20,
        ),
        Tier(
            name="plus",
            paid=True,
            closes_at=2.0,
            shut_at=3.0,
            slo_scale=3.0,
            max_promise_s=5 * HOUR_S,
        ),
        Tier(
            name="pro",
            paid=True,
            closes_at=4.0,
            shut_at=6.0,
            slo_scale=2.0,
            max_promise_s=6 * HOUR_S,
        ),
        Tier(
            name="team",
            paid=True,
            closes_at=5.0,
            shut_at=7.0,
            slo_scale=2.0,
            max_promise_s=6 * HOUR_S,
        ),
        Tier(
            name="enterprise",
            paid=True,
            closes_at=6.0,
            shut_at=8.0,
            slo_scale=2.0,
            max_promise_s=6 * HOUR_S,
        ),
    )
)
