"""Ray's own series that dashboards and alerts ask for; the nodes' agents export them.

Ray adds labels that change with every restart (WorkerId, SessionName, the replica): always sum.
"""

from typing import Final

from serve.telemetry.catalogue.metric import counter, gauge, histogram

HTTP_REQUESTS: Final = counter(
    "ray_serve_num_http_requests_total",
    "application route method status_code",
    "Requests that the proxies answered.",
)
HTTP_LATENCY: Final = histogram(
    "ray_serve_http_request_latency_ms",
    "application route method status_code",
    "Time to an answer, in milliseconds; of a streamed answer, to its end.",
    (),
)
REPLICA_TARGET: Final = gauge(
    "ray_serve_autoscaling_target_replicas", "application deployment", "Replicas that Serve wants."
)
REPLICA_HEALTHY: Final = gauge(
    "ray_serve_deployment_replica_healthy", "application deployment replica", "1 while healthy."
)
DEPLOYMENT_STATUS: Final = gauge(
    "ray_serve_deployment_status", "application deployment", "2 is unhealthy, 6 is healthy."
)
LOOP_LAG: Final = histogram(
    "ray_serve_event_loop_scheduling_latency_ms",
    "component loop_type actor_id",
    "How late tasks of an event loop run, in milliseconds.",
    (),
)
NODE_CPU: Final = gauge("ray_node_cpu_utilization", "ip", "Percent of a node's processors.")
NODE_MEMORY: Final = gauge("ray_node_mem_used", "ip", "Bytes.")
NODE_MEMORY_TOTAL: Final = gauge("ray_node_mem_total", "ip", "Bytes.")
NODE_DISK_USED: Final = gauge("ray_node_disk_usage", "ip", "Bytes of Ray's own disk.")
NODE_DISK_FREE: Final = gauge("ray_node_disk_free", "ip", "Bytes of Ray's own disk.")
OBJECTS_USED: Final = gauge("ray_object_store_used_memory", "NodeAddress", "Bytes.")
OBJECTS_FREE: Final = gauge("ray_object_store_available_memory", "NodeAddress", "Bytes.")
PROCESS_MEMORY: Final = gauge("ray_component_rss_bytes", "ip Component", "Bytes, by process.")
RAY_SERIES: Final = (
    HTTP_REQUESTS,
    HTTP_LATENCY,
    REPLICA_TARGET,
    REPLICA_HEALTHY,
    DEPLOYMENT_STATUS,
    LOOP_LAG,
    NODE_CPU,
    NODE_MEMORY,
    NODE_MEMORY_TOTAL,
    NODE_DISK_USED,
    NODE_DISK_FREE,
    OBJECTS_USED,
    OBJECTS_FREE,
    PROCESS_MEMORY,
)
