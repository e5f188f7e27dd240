"""What a flood of requests got, all of which are to be shed, and what it cost the Gateway."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.flooding.hammer import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Flooded:
    """Of one kind of flood, round by round; raises `RuntimeError` for one that got through."""

    samples: Sequence[Sample]
    statements: int = 0
    """Of SQL."""
    unread: int = 0
    """Answered by who asked alone: the body was neither read nor priced."""

    def __post_init__(self) -> None:
        for sample in self.samples:
            if set(sample.statuses) != {429}:
                raise RuntimeError(f"not all were shed: {dict(sample.statuses)}")

    @property
    def sheds(self) -> int:
        return sum(len(sample.latencies_s) for sample in self.samples)

    @property
    def rate(self) -> float:
        """Answers a second, of the middle round."""
        return median(sample.rate for sample in self.samples)

    @property
    def p99_s(self) -> float:
        return median(sample.quantile_s(0.99) for sample in self.samples)

    @property
    def statements_a_shed(self) -> float:
        return self.statements / self.sheds

    @property
    def unread_part(self) -> float:
        return self.unread / self.sheds

    def beside(self, bare: "Flooded") -> float:
        """Its rate in the bare route's, round by round: what else the machine did befell both."""
        pairs = zip(self.samples, bare.samples, strict=True)
        return median(ours.rate / theirs.rate for ours, theirs in pairs)

    def all_read(self) -> "Flooded":
        """Itself; raises `RuntimeError` where a crowd was taken for the few who flood."""
        if self.unread:
            raise RuntimeError(
                f"{self.unread} of {self.sheds} requests were answered unread: ask with more keys"
            )
        return self


def together(rounds: Sequence[Flooded]) -> Flooded:
    """All rounds of one kind of flood."""
    return Flooded(
        samples=[sample for each in rounds for sample in each.samples],
        statements=sum(each.statements for each in rounds),
        unread=sum(each.unread for each in rounds),
    )
