"""What is asked for in a rehearsal: S4x10 at its peak, two hours of it instead of twelve.

The replay gets the very same jobs: the same arrivals, sizes, tiers and accounts, and the same
errors of prediction.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from autoscaling.replay.arrivals import arrivals
from autoscaling.replay.engine import Record, Replay
from autoscaling.replay.filmgate import Filmgate
from autoscaling.replay.jobs import STANDARD_DEGREE, SimJob, Size
from autoscaling.replay.options import Options
from autoscaling.replay.scenarios import FLASH_X10, Scenario, Surge
from autoscaling.rules import Rules
from autoscaling.shedding import SheddingRule
from autoscaling.tiers import DEFAULT_TIERS
from benchmarks.rehearsal.outline import GANGS

FLOOD: Final = Surge(begins_h=0.5, ends_h=1.25, factors=FLASH_X10.surges[0].factors)
CROWD: Final = replace(
    FLASH_X10,
    name="L1",
    about="flash crowd: new users x10, free x2.5 for 45 minutes, twice what four gangs can do",
    load=0.75,
    hours=2.0,
    daily=0.0,
    spread=0.0,
    gpus=GANGS * STANDARD_DEGREE,
    surges=(FLOOD,),
)
NEVER_S: Final = 1e12
"""How often accounts draw new numbers here, so that both rungs draw the same."""
THOUSANDTHS: Final = 1_000
"""A sleeping stage reads from a clip's seed how much longer than predicted it takes."""


def workload(seed: int, sizes: Mapping[str, Size], scenario: Scenario = CROWD) -> list[SimJob]:
    """All jobs, in the order of their arrival; `sizes` are those of the rehearsal, by name."""
    return [_as_rehearsed(job, sizes) for job in arrivals(scenario, DEFAULT_TIERS, seed)]


def luck(job: SimJob) -> int:
    """What the job takes over what is predicted, in thousandths."""
    return round(THOUSANDTHS * job.true_gpu_s / job.size.gpu_s)


def replayed(jobs: list[SimJob], scenario: Scenario = CROWD) -> Record:
    """The same in the replay, on gangs as the rehearsal has them."""
    rules = Rules(shedding=SheddingRule(rotation_s=NEVER_S))
    options = Options(degrees=(STANDARD_DEGREE,) * GANGS, rules=rules)
    return Replay(scenario, [replace(job) for job in jobs], Filmgate(options)).run()


def _as_rehearsed(job: SimJob, sizes: Mapping[str, Size]) -> SimJob:
    """Its account's id is one that the service could have given. Nothing lighter is allowed, since
    what that is the replay has its own idea of."""
    size = sizes[job.size.name]
    gpu_s = size.gpu_s * luck(job) / THOUSANDTHS
    account_id = f"acct_{job.account_id}"
    return replace(job, account_id=account_id, size=size, true_gpu_s=gpu_s, lighter=None)
