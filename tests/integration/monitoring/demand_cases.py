"""Cases of the alerts on what users get."""

from serve.telemetry.catalogue import cluster, gate, jobs
from tests.integration.monitoring.case import GANG, MODEL, Case, of, old, told

PAYS = {of(gate.TIER_PAID, tier="pro"): "1x90", of(gate.TIER_PAID, tier="free"): "0x90"}
GROWS = {
    of(jobs.BACKLOG, **MODEL, tier="free"): "0+100x90",
    of(cluster.AT_LIMIT, **GANG, stage="denoise"): "1x90",
    of(gate.DRAIN, tier="free"): "2000x90",
    of(gate.DRAIN_TARGET): "300x90",
}
IDLE = {
    of(cluster.GANGS, **GANG, state="free"): "2x90",
    of(jobs.WAITING, **MODEL, tier="pro"): "3x90",
}
DEMAND = (
    Case(
        alert="PaidClipsLate",
        fires=(
            {of(gate.PAID_WAIT): "0.5x30 1.2x60"},
            {**PAYS, of(jobs.LATE, **MODEL, tier="pro"): "0x30 2x60"},
        ),
        quiet=(
            {of(gate.PAID_WAIT): "0.9x90"},
            {**PAYS, of(jobs.LATE, **MODEL, tier="free"): "9x90"},
            {of(gate.PAID_WAIT): "0.5x57 1.2x60"},
        ),
        labels={},
    ),
    Case(
        alert="PromiseBroken",
        fires=(
            {of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "0x50 1x40"},
            {of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "_x50 1x40"},
            {
                **told("_x50 1x40"),
                of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "_x55 1x40",
            },
        ),
        quiet=(
            {of(gate.PROMISES_ENDED, tier="free", outcome="kept"): "0+5x90"},
            {of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "7x90"},
            {of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "7x42 _x3 7x50"},
            *old(of(gate.PROMISES_ENDED, tier="free", outcome="broken"), 7),
        ),
        labels={"tier": "free"},
    ),
    Case(
        alert="ManyPromisesBroken",
        fires=(
            {
                of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "0x30 0+1x60",
                of(gate.PROMISES_ENDED, tier="free", outcome="kept"): "0+1x90",
            },
        ),
        quiet=(
            {
                of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "0x30 0+1x60",
                of(gate.PROMISES_ENDED, tier="free", outcome="kept"): "0+2x90",
            },
            {of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "0x50 4x40"},
            {of(gate.PROMISES_ENDED, tier="free", outcome="broken"): "0x56 9x40"},
        ),
        labels={"tier": "free"},
    ),
    Case(
        alert="JobsFail",
        fires=(
            {
                of(jobs.ENDED, **MODEL, tier="pro", status="failed", reason="x"): "_x40 1+1x40",
                of(jobs.ENDED, **MODEL, tier="pro", status="completed", reason="none"): "0+4x90",
            },
        ),
        quiet=(
            {
                of(jobs.ENDED, **MODEL, tier="pro", status="failed", reason="x"): "0x40 0+1x50",
                of(jobs.ENDED, **MODEL, tier="pro", status="completed", reason="none"): "0+12x90",
            },
            {of(jobs.ENDED, **MODEL, tier="pro", status="failed", reason="x"): "_x50 2x40"},
            {of(jobs.ENDED, **MODEL, tier="pro", status="failed", reason="x"): "0x56 9x40"},
            {of(jobs.ENDED, **MODEL, tier="pro", status="cancelled", reason="none"): "0+9x90"},
        ),
        labels=MODEL,
    ),
    Case(
        alert="BacklogGrowsAtCapacity",
        fires=(GROWS,),
        quiet=(
            {**GROWS, of(cluster.AT_LIMIT, **GANG, stage="denoise"): "0x90"},
            {**GROWS, of(cluster.AT_LIMIT, **GANG, stage="denoise"): "0x40 1x50"},
            {**GROWS, of(jobs.BACKLOG, **MODEL, tier="free"): "9000-100x90"},
            {**GROWS, of(jobs.BACKLOG, **MODEL, tier="free"): "9000x90"},
            {**GROWS, of(gate.DRAIN, tier="free"): "900x90"},
        ),
        labels=MODEL,
    ),
    Case(
        alert="GpusIdleWhileJobsWait",
        fires=(
            {**IDLE, of(jobs.STARTS, **MODEL, tier="pro", outcome="in_time"): "0+1x20 20x70"},
            {**IDLE, of(jobs.RESUMES, **MODEL, tier="pro", origin="start"): "0+1x20 20x70"},
        ),
        quiet=(
            {**IDLE, of(jobs.STARTS, **MODEL, tier="pro", outcome="in_time"): "0+1x90"},
            {**IDLE, of(jobs.RESUMES, **MODEL, tier="pro", origin="start"): "0+1x90"},
            {**IDLE, of(cluster.GANGS, **GANG, state="free"): "0x90"},
            {**IDLE, of(cluster.GANGS, **GANG, state="free"): "0x52 2x40"},
            {**IDLE, of(jobs.WAITING, **MODEL, tier="pro"): "0x90"},
        ),
        labels=MODEL,
    ),
)
