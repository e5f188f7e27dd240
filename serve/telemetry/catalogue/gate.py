"""Of the catalogue: what becomes of requests, how full the cluster is, and what was promised.

| label | values |
|---|---|
| state | open, deferring, shedding, closed (by an operator) |
| outcome (requests) | admitted, deferred, shed |
| outcome (promises) | kept, broken |
| reason | those of `autoscaling.decisions.Reason`; `other` |
| kind | admitted, promised |
"""

from typing import Final

from serve.telemetry.catalogue.metric import counter, gauge

REQUESTS: Final = counter(
    "filmgate_requests_answered_total",
    "model tier outcome reason",
    "Requests for clips, by what became of them and why.",
)
REQUESTED: Final = counter(
    "filmgate_requested_gpu_seconds_total",
    "tier",
    "Predicted device time of all requests for clips, whatever became of them.",
)
STATE: Final = gauge(
    "filmgate_gate_state", "tier state", "1 for the state that a tier's gate is in, 0 for others."
)
FLIPS: Final = counter(
    "filmgate_gate_flips_total", "tier", "How often a tier's gate has closed or opened."
)
TURNED_ASIDE: Final = gauge(
    "filmgate_gate_turned_aside_ratio",
    "tier",
    "Part of a tier's requests that is not let in at once: 0 is an open gate, 1 a shut one.",
)
SATURATION: Final = gauge(
    "filmgate_saturation_ratio",
    "tier",
    "How full the cluster is for a tier, smoothed; at 1 its work fills the drain target.",
)
DRAIN: Final = gauge(
    "filmgate_drain_seconds",
    "tier",
    "Until the admitted work of a tier and of those above it is done, if no more came.",
)
DRAIN_TARGET: Final = gauge(
    "filmgate_drain_target_seconds", "", "Drain time at which the cluster counts as full."
)
GPUS: Final = gauge("filmgate_gpus", "", "Devices of healthy gangs, as the policy counts on them.")
WORK: Final = gauge(
    "filmgate_work_gpu_seconds",
    "tier kind",
    "Predicted device time still to do: let in, waiting or running; or promised for later.",
)
PROMISES_ENDED: Final = counter(
    "filmgate_promises_ended_total",
    "tier outcome",
    "Promised jobs that are done: kept by the promised time, or broken.",
)
PROMISES_OVERDUE: Final = gauge(
    "filmgate_promises_overdue",
    "tier",
    "Promised jobs that wait or run though the promised time has passed.",
)
PROMISE_PRESSURE: Final = gauge(
    "filmgate_promise_pressure_ratio",
    "",
    "Part of what paid jobs leave that is needed to keep all promises; above 1 some will break.",
)
PROMISE_STRETCH: Final = gauge(
    "filmgate_promise_stretch_ratio",
    "",
    "What predicted waits are multiplied with before they are promised.",
)
PAID_WAIT: Final = gauge(
    "filmgate_paid_wait_ratio",
    "",
    "What paid jobs lately waited, over what they could afford to: 90th percentile; at 1 a tenth "
    "of them is late.",
)
WAIT_TARGET: Final = gauge(
    "filmgate_wait_target_seconds",
    "tier",
    "How long a usual clip of the tier may wait for its start and still be in time.",
)
TIER_PAID: Final = gauge("filmgate_tier_paid", "tier", "1 for a tier that pays, 0 for others.")
WAITLIST: Final = gauge(
    "filmgate_waitlist_places", "", "Places on the waitlist for accounts that nobody was called to."
)
CALLED: Final = counter(
    "filmgate_waitlist_called_total", "", "Places whose holders were told that they may sign up."
)
