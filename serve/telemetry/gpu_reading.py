"""One look at one GPU, as plain values that travel."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuReading:
    """None stands for what this device or its driver does not tell."""

    gpu: str
    """Its index on its node; of a part of one (MIG) `index:part`."""
    name: str
    driver: str
    utilisation: float | None = None
    """Part of the time that a kernel was running."""
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    temperature_c: float | None = None
    throttled: tuple[str, ...] | None = None
    """Why clocks are held down now: `power`, `thermal`, `slowdown`."""
    xid_errors: int | None = None
    """Critical errors since this process began to look."""
    last_xid: int | None = None
    """One of the device goes before those of programs that came with it."""
