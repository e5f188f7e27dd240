"""A gang's shape: along which ways, and how often, one denoiser is divided. Pure data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GangShape:
    """Degrees of parallelism; their product is the number of ranks, each with one device."""

    tp: int = 1
    """Tensor parallelism: every rank holds a part of each layer's weights."""
    cfg: int = 1
    """Guidance parallelism: the guider's forward passes are dealt to this many groups of ranks."""
    ulysses: int = 1
    """Sequence parallelism: every rank holds some tokens, and some heads within attention."""

    def __post_init__(self) -> None:
        for way in ("tp", "cfg", "ulysses"):
            if getattr(self, way) < 1:
                raise ValueError(f"{way} must be 1 or more, not {getattr(self, way)}")

    @property
    def world(self) -> int:
        """Number of ranks."""
        return self.tp * self.cfg * self.ulysses

    def __str__(self) -> str:
        """Short and fit for a deployment's name and a metric's label: `1`, `tp2`, `tp2-cfg2`."""
        ways = {"tp": self.tp, "cfg": self.cfg, "ulysses": self.ulysses}
        return "-".join(f"{way}{degree}" for way, degree in ways.items() if degree > 1) or "1"


SINGLE = GangShape()
