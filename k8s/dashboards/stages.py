"""Stages and autoscaling: how long stages take, and whether there are enough replicas."""

from typing import Final

from k8s.dashboards.panel import Board, Row, areas, ask, lines
from k8s.promql import chosen, grown, in_an_hour, mean, quantile, ratio, total
from serve.telemetry.catalogue import cluster, jobs

STAGE: Final = "{{model}}, {{stage}}"
KIND: Final = ("model", "stage", "shape")
OF_KIND: Final = "{{model}}, {{stage}} {{shape}}"


def _cache() -> str:
    misses = total(grown(chosen(jobs.CACHE_MISSES), "15m"), "model")
    hits = f"({total(grown(chosen(jobs.CACHE_HITS), '15m'), 'model')} or 0 * {misses})"
    return ratio(hits, f"({hits} + {misses})")


STAGES: Final = Row(
    title="How long do stages take?",
    panels=(
        lines(
            "Age of the queue",
            "s",
            ask(total(chosen(jobs.OLDEST_WAIT), "model", how="max"), "{{model}}"),
            good="Seconds to minutes; what a tier may wait is in Overview.",
        ),
        lines(
            "A denoising step",
            "s",
            ask(quantile(0.5, chosen(jobs.STEP, "bucket"), "model"), "{{model}}, half of them"),
            ask(quantile(0.95, chosen(jobs.STEP, "bucket"), "model"), "{{model}}, 95 of 100"),
            good="Flat, and both lines near each other. A step that takes longer at the same sizes "
            "is a GPU held down, or a gang over a slow link.",
        ),
        lines(
            "A run of a stage, mean",
            "s",
            ask(mean(jobs.STAGE, "model", "stage", over="15m"), STAGE),
            good="Of a quarter of an hour: flat. Denoising is counted when a job ends.",
        ),
        lines(
            "Seconds for a second of video, mean",
            "short",
            ask(
                mean(jobs.REALTIME, "model", "size_class", over="15m"), "{{model}}, {{size_class}}"
            ),
            good="Of a quarter of an hour: flat for each size. 1 is as fast as it plays.",
        ),
        lines(
            "What stages take, over what was predicted",
            "short",
            ask(total(chosen(jobs.CORRECTION), "model", "stage", how="max"), STAGE),
            good="Steady; prices, promises and replicas are right then, whatever the level. A step "
            "up after a release or on other GPUs is a slower stage.",
        ),
        lines(
            "Prompts that were encoded already",
            "percentunit",
            ask(_cache(), "{{model}}"),
            good="Of a quarter of an hour: as high as users repeat themselves.",
            top=1,
        ),
    ),
)
REPLICAS: Final = Row(
    title="Are there enough replicas?",
    panels=(
        lines(
            "Replicas wanted and running",
            "short",
            ask(total(chosen(cluster.WANTED), *KIND), f"{OF_KIND}, wanted"),
            ask(total(chosen(cluster.READY), *KIND), f"{OF_KIND}, running"),
            good="The same, but for the time of a cold start. Wanted above running for long: no "
            "node has room, see `kubectl get pods` and Ray and nodes.",
            width=12,
        ),
        areas(
            "Replicas that start",
            "short",
            ask(total(chosen(cluster.STARTING), *KIND), OF_KIND),
            good="0, or for as long as a cold start takes.",
            width=6,
        ),
        lines(
            "At the limit",
            "short",
            ask(total(chosen(cluster.AT_LIMIT), *KIND, how="max"), OF_KIND),
            good="0. 1 and a growing queue: runbook FilmgateBacklogGrowsAtCapacity.",
            width=6,
            top=1,
        ),
        lines(
            "Cold starts, mean",
            "s",
            ask(mean(cluster.LOAD, "model", "stage", over="1h"), STAGE),
            good="Of the last hour: as long as weights take from the cache. Ten times that: they "
            "are being downloaded.",
        ),
        lines(
            "Work in the queue",
            "s",
            ask(total(chosen(jobs.BACKLOG), "model"), "{{model}}"),
            good="GPU-seconds. What replicas follow, after a hold-off as long as a cold start.",
        ),
        lines(
            "Jobs in progress",
            "short",
            ask(total(chosen(jobs.RUNNING), "model", "phase"), "{{model}}, {{phase}}"),
            good="Mostly denoise. Many in encode or decode: those stages have too few replicas.",
        ),
    ),
)
BREAKING: Final = Row(
    title="What breaks?",
    panels=(
        lines(
            "Gangs that came and went",
            "short",
            ask(
                in_an_hour(chosen(cluster.GANGS_STARTED), "model", "shape"),
                "{{model}} {{shape}}, came",
            ),
            ask(
                in_an_hour(chosen(cluster.GANGS_LOST), "model", "shape"),
                "{{model}} {{shape}}, went",
            ),
            good="In an hour: only when replicas are added or taken. Both high: runbook "
            "FilmgateGangFlapping.",
        ),
        lines(
            "Attempts that broke",
            "short",
            ask(
                in_an_hour(chosen(jobs.BROKEN), "model", "reason"),
                "{{model}}, {{reason}}",
            ),
            good="In an hour: 0. Silent or died: a node or a process was lost. Memory: a clip was "
            "too large. Store: runbook FilmgateStoreErrors.",
        ),
        lines(
            "Jobs that went on, and steps redone",
            "short",
            ask(
                in_an_hour(chosen(jobs.RESUMES), "model", "origin"),
                "{{model}}, from {{origin}}",
            ),
            ask(in_an_hour(chosen(jobs.STEPS_REDONE), "model"), "{{model}}, steps redone"),
            good="In an hour. From a checkpoint; from the start: nothing was stored yet, or it "
            "could not be read.",
        ),
    ),
)
STAGES_AND_AUTOSCALING: Final = Board(
    uid="filmgate-stages",
    title="Stages and autoscaling",
    about="How long each stage takes, how many replicas there are and should be, and what breaks.",
    variables=("model", "tier"),
    rows=(STAGES, REPLICAS, BREAKING),
)
