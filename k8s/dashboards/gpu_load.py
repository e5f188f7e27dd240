"""GPU load: what each GPU and each gang is busy with, and how it feels."""

from typing import Final

from k8s.alerts import recordings
from k8s.dashboards.panel import Board, Row, areas, ask, lines, states
from k8s.promql import CLUSTER, chosen, in_an_hour, rate, recorded, total
from serve.telemetry.catalogue import cluster, gpus, jobs
from serve.telemetry.catalogue.metric import Metric

PHASES: Final = ((0, "idle"), (1, "encode"), (2, "denoise"), (3, "decode"))
GPU: Final = ("node", "gpu")
GANG: Final = ("node", "model", "shape")
EACH: Final = "{{node}} / {{gpu}}"
EACH_GANG: Final = "{{node}}: {{model}} {{shape}}"


def _phase() -> str:
    """A GPU's phase as a number of `PHASES`: the one that is 1 among its series."""
    busy = " or ".join(
        f"({chosen(gpus.PHASE, phase=phase)} == 1) * {number}" for number, phase in PHASES
    )
    return total(busy, *GPU, how="max")


def _of_gang(reading: Metric, how: str) -> str:
    """What the GPUs of each gang read. Gangs of one shape on one node are one here."""
    both = f"on ({CLUSTER}, {', '.join(GPU)}) group_left ()"
    return total(f"{chosen(gpus.GANG)} * {both} {chosen(reading)}", *GANG, how=how)


BUSY: Final = Row(
    title="Busy with what?",
    panels=(
        areas(
            "GPUs by phase",
            "short",
            ask(total(chosen(gpus.PHASE), "phase"), "{{phase}}"),
            good="Denoising, nearly all of them, while anybody waits. Idle GPUs and a queue: "
            "runbook FilmgateGpusIdleWhileJobsWait.",
        ),
        areas(
            "Gangs",
            "short",
            ask(
                total(chosen(cluster.GANGS), "model", "shape", "state"),
                "{{model}} {{shape}}, {{state}}",
            ),
            good="Busy while anybody waits for their model. A gang that is neither busy nor free "
            "is starting, or being replaced.",
        ),
        areas(
            "GPUs' worth of work",
            "short",
            ask(total(rate(chosen(jobs.GPU_TIME)), "model", "stage"), "{{model}}, {{stage}}"),
            good="Together as many as there are GPUs: device seconds spent each second.",
        ),
        states(
            "What each GPU does",
            ask(_phase(), EACH),
            good="Denoise, with short idle gaps between clips. One that is idle for long beside "
            "busy ones of its model belongs to a gang that was lost.",
            words=PHASES,
        ),
        lines(
            "Work that no clip came of",
            "s",
            ask(in_an_hour(chosen(jobs.GPU_WASTED), "model", "reason"), "{{model}}, {{reason}}"),
            good="GPU-seconds in an hour: near 0. Redone: gangs break, or give way without a "
            "checkpoint. Failed: runbook FilmgateJobsFail.",
            width=12,
        ),
    ),
)
FEELING: Final = Row(
    title="Each GPU",
    panels=(
        lines(
            "Utilisation",
            "percentunit",
            ask(total(chosen(gpus.UTILISATION), *GPU, how="max"), EACH),
            good="Near 100 % while it denoises. It says that a kernel ran, not how much was done: "
            "how full the cluster is, Overview tells.",
            top=1,
        ),
        lines(
            "Memory in use",
            "percentunit",
            ask(recorded(recordings.GPU_MEMORY), EACH),
            good="Flat, below 97 %. One that climbs from clip to clip leaks. Runbook: "
            "FilmgateGpuMemoryNearlyFull.",
            bad_at=0.97,
            top=1,
        ),
        lines(
            "Memory in use, bytes",
            "bytes",
            ask(total(chosen(gpus.MEMORY_USED), *GPU, how="max"), EACH),
            good="Equal for the ranks of a gang.",
        ),
        lines(
            "Power",
            "watt",
            ask(total(chosen(gpus.POWER), *GPU, how="max"), EACH),
            ask(total(chosen(gpus.POWER_LIMIT), how="max"), "highest limit"),
            good="Near the limit while it denoises. One that draws less than its neighbours at the "
            "same work is held down.",
        ),
        lines(
            "Temperature",
            "celsius",
            ask(total(chosen(gpus.TEMPERATURE), *GPU, how="max"), EACH),
            good="Steady, below 85. Above, clocks are held down and steps take longer.",
            warn_at=85,
            bad_at=92,
        ),
        lines(
            "Held down, and errors",
            "short",
            ask(
                total(chosen(gpus.THROTTLED), *GPU, "reason", how="max"), f"{EACH}, {{{{reason}}}}"
            ),
            ask(total(chosen(gpus.XID_ERRORS), *GPU), f"{EACH}, XID errors"),
            ask(total(chosen(gpus.LAST_XID), *GPU, how="max"), f"{EACH}, the last XID"),
            good="Power is usual under load; thermal and slowdown are not. Any XID but 13, 31, 43 "
            "and 45 is the hardware's. Runbook: FilmgateGpuXidError.",
        ),
    ),
)
GANGS: Final = Row(
    title="Each gang",
    panels=(
        lines(
            "Utilisation of gangs",
            "percentunit",
            ask(_of_gang(gpus.UTILISATION, "avg"), EACH_GANG),
            good="All GPUs of a gang work or rest together. In the middle for long: one of them is "
            "waited for, see each GPU.",
            top=1,
            width=12,
        ),
        lines(
            "Memory of gangs, the fullest GPU",
            "bytes",
            ask(_of_gang(gpus.MEMORY_USED, "max"), EACH_GANG),
            good="Flat: the model, and the largest clip so far.",
            width=12,
        ),
        lines(
            "Power of gangs",
            "watt",
            ask(_of_gang(gpus.POWER, "sum"), EACH_GANG),
            good="The same for gangs of one shape at work.",
            width=12,
        ),
        lines(
            "Temperature of gangs, the hottest GPU",
            "celsius",
            ask(_of_gang(gpus.TEMPERATURE, "max"), EACH_GANG),
            good="Steady, below 85: one hot GPU holds its whole gang up.",
            width=12,
            warn_at=85,
            bad_at=92,
        ),
    ),
)
GPU_LOAD: Final = Board(
    uid="filmgate-gpu-load",
    title="GPU load",
    about="Each GPU and each gang: what it is busy with, utilisation, memory, power, temperature. "
    "GPUs are read through NVML: without NVIDIA's driver those panels are empty.",
    variables=("model", "tier"),
    rows=(BUSY, GANGS, FEELING),
)
