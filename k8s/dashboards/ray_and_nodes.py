"""Ray and nodes: what carries the service."""

from typing import Final

from k8s import ray_series as ray
from k8s.dashboards.panel import Board, Row, areas, ask, lines, states
from k8s.promql import chosen, per_minute, quantile, total

DEPLOYMENT: Final = "{{deployment}}"
STATUS: Final = (
    (1, "failed to deploy"),
    (2, "unhealthy"),
    (3, "updating"),
    (4, "growing"),
    (5, "shrinking"),
    (6, "healthy"),
)
MS: Final = "ms"


def _part(used: str, whole: str, label: str) -> str:
    return f"{total(used, label, how='max')} / {total(whole, label, how='max')}"


SERVE: Final = Row(
    title="Ray Serve",
    panels=(
        states(
            "Deployments",
            ask(total(chosen(ray.DEPLOYMENT_STATUS), "deployment", how="min"), DEPLOYMENT),
            good="Healthy; growing and shrinking as load does. Failed to deploy: `serve status` "
            "says why.",
            words=STATUS,
        ),
        lines(
            "Replicas that Serve wants, and healthy ones",
            "short",
            ask(
                total(chosen(ray.REPLICA_TARGET), "deployment", how="max"), f"{DEPLOYMENT}, wanted"
            ),
            ask(total(chosen(ray.REPLICA_HEALTHY), "deployment"), f"{DEPLOYMENT}, healthy"),
            good="The same. Gateways have no queue of their own: fewer answer more slowly.",
            width=12,
        ),
        areas(
            "HTTP requests a minute",
            "short",
            ask(
                per_minute(chosen(ray.HTTP_REQUESTS, application="!"), "route", "status_code"),
                "{{route}} {{status_code}}",
            ),
            good="200. 429 and 503 of /v1/videos are the gate. 500 is a bug: the log has its "
            "request id.",
        ),
        lines(
            "Time to an answer, 95th percentile",
            MS,
            ask(
                quantile(0.95, chosen(ray.HTTP_LATENCY, "bucket", route="!.*events"), "route"),
                "{{route}}",
            ),
            good="Tens of milliseconds. Downloads take as long as the client does.",
        ),
        lines(
            "How late event loops run, 95th percentile",
            MS,
            ask(quantile(0.95, chosen(ray.LOOP_LAG, "bucket"), "component"), "{{component}}"),
            good="A few milliseconds. Hundreds: something blocks a loop, or the node has too few "
            "processors.",
        ),
    ),
)
NODES: Final = Row(
    title="Nodes",
    panels=(
        lines(
            "Processors",
            "percent",
            ask(total(chosen(ray.NODE_CPU), "ip", how="max"), "{{ip}}"),
            good="Decoding and writing clips take some. 100 % on the head node: it should carry no "
            "replicas.",
            top=100,
        ),
        lines(
            "Memory in use",
            "percentunit",
            ask(_part(chosen(ray.NODE_MEMORY), chosen(ray.NODE_MEMORY_TOTAL), "ip"), "{{ip}}"),
            good="Below 90 %: above 95 % Ray kills workers.",
            warn_at=0.9,
            bad_at=0.95,
            top=1,
        ),
        lines(
            "Memory of processes",
            "bytes",
            ask(
                f"topk(8, {total(chosen(ray.PROCESS_MEMORY), 'ip', 'Component')})",
                "{{Component}} {{ip}}",
            ),
            good="Flat. The eight largest; one that climbs for days leaks.",
        ),
        lines(
            "Disk free",
            "bytes",
            ask(total(chosen(ray.NODE_DISK_FREE), "ip", how="min"), "{{ip}}"),
            good="Above 10 % of the disk. Runbook: FilmgateNodeDiskNearlyFull.",
            width=12,
        ),
        lines(
            "Object store in use",
            "bytes",
            ask(total(chosen(ray.OBJECTS_USED), "NodeAddress"), "{{NodeAddress}}"),
            ask(total(chosen(ray.OBJECTS_FREE), "NodeAddress"), "{{NodeAddress}}, free"),
            good="Small: only conditionings travel through it. Full: objects spill to the disk.",
            width=12,
        ),
    ),
)
RAY_AND_NODES: Final = Board(
    uid="filmgate-ray",
    title="Ray and nodes",
    about="What carries the service: Ray Serve's own figures, and the nodes.",
    rows=(SERVE, NODES),
)
