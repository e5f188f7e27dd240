"""Loads and levels for the tests of the policy, drawn and made."""

from hypothesis import strategies as st

from autoscaling.load import Load, TierLoad
from autoscaling.tiers import DEFAULT_TIERS

NUM_TIERS = len(DEFAULT_TIERS)
RANKS = {tier.name: rank for rank, tier in enumerate(DEFAULT_TIERS)}


def load_of(*, gpus: float = 16.0, paid_wait: float = 0.0, **tiers: TierLoad) -> Load:
    """A load in which the tiers that are not named do nothing."""
    return Load(
        gpus=gpus,
        paid_wait=paid_wait,
        tiers=tuple(tiers.get(tier.name, TierLoad()) for tier in DEFAULT_TIERS),
    )


work = st.floats(0, 1e6, allow_nan=False)
tier_loads = st.builds(
    TierLoad,
    backlog_gpu_s=work,
    running_gpu_s=work,
    promised_gpu_s=work,
    offered_gpu_s_per_s=st.floats(0, 100),
)
loads = st.builds(
    Load,
    gpus=st.floats(0, 64).map(lambda gpus: gpus if gpus > 0.01 else 0.0),
    paid_wait=st.floats(0, 10),
    tiers=st.tuples(*[tier_loads] * NUM_TIERS),
)
moments = st.lists(st.floats(0, 600), min_size=1, max_size=30)
"""Pauses between looks, in seconds."""
