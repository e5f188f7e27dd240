"""Of the catalogue: GPUs, as NVML reads them; absent where there is no NVML, or no such reading.

| label | values |
|---|---|
| node | name of the host or pod |
| gpu | its index there; of a part of one (MIG) `index:part` |
| phase | encode, denoise, decode, idle |
| reason | power, thermal, slowdown |
"""

from typing import Final

from serve.telemetry.catalogue.metric import counter, gauge

INFO: Final = gauge(
    "filmgate_gpu_info", "node gpu name driver", "Always 1; the labels are what is interesting."
)
UTILISATION: Final = gauge(
    "filmgate_gpu_utilisation_ratio", "node gpu", "Part of the time that a kernel was running."
)
MEMORY_USED: Final = gauge("filmgate_gpu_memory_used_bytes", "node gpu", "Device memory in use.")
MEMORY_TOTAL: Final = gauge("filmgate_gpu_memory_total_bytes", "node gpu", "Device memory.")
POWER: Final = gauge("filmgate_gpu_power_watts", "node gpu", "Power drawn.")
POWER_LIMIT: Final = gauge("filmgate_gpu_power_limit_watts", "node gpu", "Power allowed.")
TEMPERATURE: Final = gauge("filmgate_gpu_temperature_celsius", "node gpu", "Temperature.")
PHASE: Final = gauge(
    "filmgate_gpu_phase",
    "node gpu phase",
    "1 for what the GPU is busy with, 0 for others; denoising before decoding before encoding.",
)
GANG: Final = gauge(
    "filmgate_gpu_gang",
    "node gpu model shape",
    "1 for each GPU of a gang that reports to the scheduler.",
)
THROTTLED: Final = gauge(
    "filmgate_gpu_throttled",
    "node gpu reason",
    "1 while clocks are held down: by the power limit, by heat, or by a hardware slowdown.",
)
XID_ERRORS: Final = counter(
    "filmgate_gpu_xid_errors_total", "node gpu", "Critical errors that the driver reported."
)
LAST_XID: Final = gauge(
    "filmgate_gpu_last_xid",
    "node gpu",
    "NVIDIA's number of the last one, one of the device before those that programs cause after it; "
    "absent before the first.",
)
