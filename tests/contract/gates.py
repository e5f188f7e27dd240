"""Situations as a Scheduler in trouble would send them, and a client who meets them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from autoscaling.admission import Situation
from autoscaling.gates import Switches
from autoscaling.load import Load, TierLoad
from tests.contract.film_crew import OPEN
from tests.contract.studio import Loopback, loopback

RANKS = {tier.name: rank for rank, tier in enumerate(OPEN.rules.tiers)}
LOWEST_PAID = RANKS["plus"]


def flooded(part: float = 1.0, *, promises: bool = True, paid: float = 0.0) -> Situation:
    """This part of unpaid requests is turned aside; without room for `promises` they are shed."""
    aside = tuple(paid if rank >= LOWEST_PAID else max(part, paid) for rank in RANKS.values())
    promised = 0.0 if promises else 1e9
    tiers = (TierLoad(promised_gpu_s=promised, offered_gpu_s_per_s=4.0), *OPEN.load.tiers[1:])
    return replace(
        OPEN,
        load=Load(gpus=1.0, tiers=tiers),
        levels=tuple(2.0 if part_ else 0.0 for part_ in aside),
        aside=aside,
    )


def switched(**changes: Any) -> Situation:
    """An open gate, and an operator who closed something."""
    return replace(OPEN, switches=Switches(**changes))


HALF_PAST = 1_800_001_800.0
Served = tuple[Loopback, openai.OpenAI]


@contextmanager
def asking(
    folder: Path, *, tier: str = "new", max_retries: int = 0, **changes: Any
) -> Iterator[Served]:
    """A service whose local account has this tier, and its client."""
    with (
        loopback(folder, {"local_tier": tier, **changes}) as gateway,
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="x", max_retries=max_retries) as client,
    ):
        yield gateway, client


def refused(client: openai.OpenAI, **wish: Any) -> openai.APIStatusError:
    with pytest.raises(openai.APIStatusError) as caught:
        client.videos.create(**{"prompt": "a kite", **wish})
    return caught.value
