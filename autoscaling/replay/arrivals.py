"""Who asks for what and when: accounts and their sessions, as seeded draws from fitted parameters.

The parameters are statistics of a public trace of image generation (Alibaba's GenTD26, 26,823
requests of 4,247 groups in 23 days): within a busy hour requests come like a Poisson process
(gaps vary by 1.07 of their mean) while hours differ, 4.5 requests a session, requests per account
log-normal with 1.07 and 0.99.
"""

from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from math import exp
from random import Random
from typing import Final

from autoscaling.replay.jobs import LARGE, LIGHTER, MEDIUM, SMALL, SimJob, Size
from autoscaling.replay.scenarios import MIXES, Mix, Scenario
from autoscaling.tiers import Tiers

SIZES: Final = (SMALL, MEDIUM, LARGE)
MEAN_SESSION: Final = 4.5
SESSION_S: Final = 1_800.0
"""After a pause of this length an account's next request is another session."""
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
    jobs = [
        _job((number, at, mix, who), scenario, tiers, random)
        for number, (at, mix, who) in enumerate(asked)
    ]
    for job in jobs:
        if random.random() < scenario.flexible:
            job.lighter = LIGHTER[job.size]
    return jobs


def _of_tier(
    scenario: Scenario, mix: Mix, rate: float, hours: list[float], random: Random
) -> Iterator[tuple[float, str]]:
    """Times and accounts of one tier's requests.

    Most go on with a session, whichever is going on; the others begin one, of an account that is
    as likely as it is eager.
    """
    times = list(_times(scenario, mix.tier, rate, hours, random))
    crowd = max(1, round(len(times) / MEAN_REQUESTS))
    eager = list(accumulate(random.lognormvariate(*REQUESTS) for _ in range(crowd)))
    sessions: list[str] = []
    last: dict[str, float] = {}
    for at in times:
        going_on = None
        if sessions and random.random() >= 1 / MEAN_SESSION:
            going_on = random.choice(sessions)
            if at - last[going_on] > SESSION_S:
                sessions.remove(going_on)
                going_on = None
        who = going_on or f"{mix.tier}-{bisect(eager, random.random() * eager[-1])}"
        if who not in last or at - last[who] > SESSION_S:
            sessions.append(who)
        last[who] = at
        yield at, who


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
