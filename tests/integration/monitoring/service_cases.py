"""Cases of the alerts on the service itself."""

from serve.telemetry.catalogue import cluster
from tests.integration.monitoring.case import Case, of, old

SERVICE = (
    Case(
        alert="SchedulerAbsent",
        fires=({of(cluster.UP): "1x50 0x40"},),
        quiet=({of(cluster.UP): "1x90"}, {of(cluster.UP): "1x50 0 1x30"}),
        labels={},
    ),
    Case(
        alert="NotScraped",
        fires=({of(cluster.UP): "1x40"},),
        quiet=(
            {of(cluster.UP): "1x90"},
            {of(cluster.UP): "0x90"},
            {of(cluster.UP): "1x40 _x8 1x40"},
        ),
        labels={},
    ),
    Case(alert="NotScraped", fires=({},), quiet=(), labels={"cluster": ""}),
    Case(
        alert="SchedulerRestarts",
        fires=({of(cluster.EPOCH): "1x40 2 2 3 3 4x50"},),
        quiet=({of(cluster.EPOCH): "1x40 2 2 3x50"},),
        labels={},
    ),
    Case(
        alert="StoreErrors",
        fires=(
            {of(cluster.STORE_ERRORS, store="jobs", role="gateway"): "_x52 3+3x40"},
            {of(cluster.STORE_ERRORS, store="jobs", role="scheduler"): "0x50 0+3x40"},
        ),
        quiet=(
            {of(cluster.STORE_ERRORS, store="jobs", role="gateway"): "9x90"},
            {of(cluster.STORE_ERRORS, store="jobs", role="gateway"): "0x50 0+1x40"},
            {of(cluster.STORE_ERRORS, store="jobs", role="gateway"): "0x57 9x40"},
            {of(cluster.STORE_ERRORS, store="jobs", role="gateway"): "_x57 9x40"},
            *old(of(cluster.STORE_ERRORS, store="jobs", role="gateway"), 9),
        ),
        labels={"store": "jobs"},
    ),
)
