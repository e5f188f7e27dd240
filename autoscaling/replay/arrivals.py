"""Who asks for what and when: sessions of accounts, as seeded draws from fitted parameters.

The parameters are statistics of a public trace of image generation (Alibaba's GenTD26, 26,823
requests of 4,247 groups in 23 days): sessions of 4.5 requests in the mean and 2 in the median, 67 s
between them in the median and 271 s at the 90th percentile, requests per account log-normal with
1.07 and 0.99. Within a busy hour sessions come like a Poisson process; hours differ.
"""

from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from math import exp, log
from random import Random
from typing import Final

from autoscaling.replay.jobs import LARGE, MEDIUM, SMALL, SimJob, Size
from autoscaling.replay.scenarios import HOUR, MIXES, Mix, Scenario
from autoscaling.tiers import Tiers

SIZES: Final = (SMALL, MEDIUM, LARGE)
SESSION: Final = (log(2.0), 1.27)
LONGEST_SESSION: Final = 50
MEAN_SESSION: Final = 4.43
"""Of the above with whole numbers from 1 to 50, by drawing 400,000."""
GAP: Final = (log(67.0), 1.09)
REQUESTS: Final = (1.07, 0.99)
MEAN_REQUESTS: Final = exp(REQUESTS[0] + REQUESTS[1] ** 2 / 2)
MINUTE: Final = 60.0
HOG: Final = "free-hog"


def arrivals(scenario: Scenario, tiers: Tiers, seed: int) -> list[SimJob]:
    """All jobs of the scenario, in the order of their arrival; the same for the same seed."""
    random = Random(f"{scenario.name}/{seed}")
    hours = [
        exp(random.gauss(-(scenario.spread**2) / 2, scenario.spread))
        for _ in range(int(scenario.hours) + 1)
    ]
    rate = scenario.load * scenario.gpus / _mean_gpu_s()
    asked: list[tuple[float, Mix, str]] = []
    for mix in MIXES:
        tier_rate = rate * mix.part * (1 - scenario.hog)
        asked += ((at, mix, who) for at, who in _of_tier(scenario, mix, tier_rate, hours, random))
    if scenario.hog:
        free = MIXES[1]
        asked += (
            (at, free, HOG) for at in _times(scenario, "free", rate * scenario.hog, hours, random)
        )
    asked.sort(key=lambda each: each[0])
    return [
        _job((number, at, mix, who), scenario, tiers, random)
        for number, (at, mix, who) in enumerate(asked)
    ]


def _of_tier(
    scenario: Scenario, mix: Mix, rate: float, hours: list[float], random: Random
) -> Iterator[tuple[float, str]]:
    """Times and accounts of one tier's requests, session by session."""
    sessions = list(_times(scenario, mix.tier, rate / MEAN_SESSION, hours, random))
    crowd = max(1, round(len(sessions) * MEAN_SESSION / MEAN_REQUESTS))
    eager = list(accumulate(random.lognormvariate(*REQUESTS) for _ in range(crowd)))
    for began in sessions:
        who = f"{mix.tier}-{bisect(eager, random.random() * eager[-1])}"
        at = began
        for _ in range(min(LONGEST_SESSION, max(1, round(random.lognormvariate(*SESSION))))):
            if at < scenario.hours * HOUR:
                yield at, who
            at += random.lognormvariate(*GAP)


def _times(
    scenario: Scenario, tier: str, rate: float, hours: list[float], random: Random
) -> Iterator[float]:
    """A Poisson process whose rate is constant for a minute."""
    need = random.expovariate(1.0)
    for minute in range(int(scenario.hours * 60)):
        at = minute * MINUTE
        now = rate * hours[minute // 60] * scenario.rate_factor(tier, at)
        left = MINUTE
        while need <= now * left:
            left -= need / now
            yield at + MINUTE - left
            need = random.expovariate(1.0)
        need -= now * left


def _job(
    asked: tuple[int, float, Mix, str], scenario: Scenario, tiers: Tiers, random: Random
) -> SimJob:
    number, at, mix, who = asked
    size: Size = random.choices(SIZES, mix.sizes)[0]
    error = exp(random.gauss(0.0, scenario.cost_error))
    slow = 2.0 if random.random() < scenario.slow_part else 1.0
    rank = tiers.rank(mix.tier)
    return SimJob(
        number=number,
        arrived_at=at,
        rank=rank,
        tier=mix.tier,
        account_id=who,
        size=size,
        true_gpu_s=size.gpu_s * error * slow,
        slo_scale=tiers[rank].slo_scale,
    )


def _mean_gpu_s() -> float:
    return sum(mix.part * _gpu_s(mix) for mix in MIXES)


def _gpu_s(mix: Mix) -> float:
    return sum(part * size.gpu_s for part, size in zip(mix.sizes, SIZES, strict=True))
