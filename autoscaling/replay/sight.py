"""Jobs of the replay as the policy sees them."""

from functools import partial

from autoscaling.admission import Variant
from autoscaling.placement import Progress
from autoscaling.preemption import Running
from autoscaling.replay.cluster import Gang, Run
from autoscaling.replay.jobs import (
    STANDARD_DEGREE,
    STEPS,
    SimJob,
    seconds_on,
    standard_gpu_s,
)


def as_running(gang: Gang, run: Run, now: float, paid: bool) -> Running:
    """For the question who gives way."""
    left_s = seconds_on(run.left_gpu_s(now), gang.degree)
    return Running(
        job_id=run.job.job_id,
        paid=paid,
        degree=gang.degree,
        steps_left=STEPS - round(run.done(now) * STEPS),
        preemptions=run.job.preemptions,
        slack_s=run.job.clock - now - left_s,
    )


def as_progress(gang: Gang, run: Run, now: float) -> Progress:
    """For the question whether to move."""
    return Progress(
        devices=gang.degree,
        steps_here=run.steps_done(now),
        steps_left=STEPS - round(run.done(now) * STEPS),
        seconds_on=partial(seconds_on, run.left_gpu_s(now)),
    )


def lighter_variants(job: SimJob) -> tuple[Variant, ...]:
    """For the question what else could be made, if the request allows anything else."""
    if job.lighter is None:
        return ()
    gpu_s = job.lighter.gpu_s
    return (
        Variant(
            name=job.lighter.name,
            gpu_s=standard_gpu_s(gpu_s),
            standalone_s=seconds_on(gpu_s, STANDARD_DEGREE),
            allowed=True,
        ),
    )
