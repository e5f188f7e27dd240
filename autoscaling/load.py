"""What the policy sees of the cluster: GPU-seconds asked for, let in and promised, tier by tier."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

NO_LOAD: Final = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TierLoad:
    """One tier's work in GPU-seconds."""

    backlog_gpu_s: float = NO_LOAD
    """Still to do for the jobs that were let in, waiting or running."""
    running_gpu_s: float = NO_LOAD
    """The part of it that gangs are at work on: it stands in nobody's way once one is free."""
    promised_gpu_s: float = NO_LOAD
    """Still to do for deferred jobs that were not released yet."""
    offered_gpu_s_per_s: float = NO_LOAD
    """Asked for a second, over the last minutes: let in, deferred and shed alike."""
    sustained_gpu_s_per_s: float = NO_LOAD
    """The same over the last hours, as far back as promises look ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A snapshot; `tiers` from the lowest up, `gpus` are those of healthy gangs."""

    gpus: float
    tiers: tuple[TierLoad, ...]
    paid_wait: float = 0.0
    """The 90th percentile of what paid jobs lately waited, as a part of what they could afford
    to: at 1 one in ten is late."""
    promise_pressure: float = 0.0
    """The part of what paid jobs leave that is needed to keep all promises."""

    def drain_s(self) -> float:
        """Seconds until all that was let in is done, if nothing more were."""
        return self._per_gpu(sum(tier.backlog_gpu_s for tier in self.tiers))

    def offered(self, from_rank: int = 0) -> float:
        """What the tiers from `from_rank` up ask for, as a part of what the GPUs can do."""
        return self._per_gpu(sum([tier.offered_gpu_s_per_s for tier in self.tiers[from_rank:]]))

    def left_by(self, ranks: Sequence[int]) -> float:
        """The part of the GPUs that tiers with these ranks have left over in the last hours."""
        asked = sum(tier.sustained_gpu_s_per_s for tier in self._of(ranks))
        return max(0.0, 1 - self._per_gpu(asked))

    def promised_gpu_s(self, ranks: Sequence[int] | None = None) -> float:
        """Of the tiers with these ranks; of all without."""
        return sum(tier.promised_gpu_s for tier in self._of(ranks))

    def backlog_gpu_s(self, ranks: Sequence[int] | None = None) -> float:
        """Of the tiers with these ranks; of all without."""
        return sum(tier.backlog_gpu_s for tier in self._of(ranks))

    def queued_gpu_s(self) -> float:
        """What waits for a gang: let in, or released."""
        return sum(max(0.0, tier.backlog_gpu_s - tier.running_gpu_s) for tier in self.tiers)

    def waiting_s(self, ranks: Sequence[int] | None = None) -> float:
        """Seconds until all that waits for a gang, or was promised for later, is done, if nothing
        else were."""
        return self._per_gpu(
            sum(
                max(0.0, tier.backlog_gpu_s - tier.running_gpu_s) + tier.promised_gpu_s
                for tier in self._of(ranks)
            )
        )

    def _of(self, ranks: Sequence[int] | None) -> Sequence[TierLoad]:
        return self.tiers if ranks is None else [self.tiers[rank] for rank in ranks]

    def _per_gpu(self, gpu_s: float) -> float:
        if self.gpus > 0:
            return gpu_s / self.gpus
        return float("inf") if gpu_s > 0 else 0.0


def apart(load: Load, models: Mapping[str, Load]) -> Sequence[Load]:
    """Where there are several models, each for itself: gangs of one make no other's clips, and one
    that sleeps has work, but no GPUs in the whole. Only work that has no gangs, and can wake none,
    counts in the whole."""
    stuck = any(each.gpus <= 0 and each.waiting_s() > 0 for each in models.values())
    able = [each for each in models.values() if each.gpus > 0]
    return [load, *able] if stuck or not able else able
