"""In place of NVIDIA's `pynvml`: plays a tape of what NVML says of four H100s, over and over.

With this folder first on PYTHONPATH of a service's processes, its own exporter reads the tape; all
processes see the same at the same time. Names, units and errors are NVML's. The two minutes on the
tape were not taken from real cards: they are numbers such as an H100 (80 GB, 700 W) shows while it
waits, loads, denoises at its power limit, decodes and rests.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

RECORDED: Mapping[str, Any] = json.loads((Path(__file__).parent / "h100.json").read_text())
NVML_TEMPERATURE_GPU = 0
nvmlEventTypeXidCriticalError = 8  # noqa: N816
nvmlClocksEventReasonSwPowerCap = 4  # noqa: N816
nvmlClocksThrottleReasonHwSlowdown = 8  # noqa: N816
nvmlClocksEventReasonSwThermalSlowdown = 32  # noqa: N816
nvmlClocksThrottleReasonHwThermalSlowdown = 64  # noqa: N816
nvmlClocksThrottleReasonHwPowerBrakeSlowdown = 128  # noqa: N816


class NVMLError(Exception):
    """What NVML answers instead of a value."""


class NVMLError_NotFound(NVMLError):  # noqa: N801
    """There is no such device."""


class NVMLError_Timeout(NVMLError):  # noqa: N801
    """No event has come."""


class EventSet:
    """Who looks for errors of which device, and since when."""

    def __init__(self) -> None:
        self.heard_at = time.time()
        self.gpus: list[int] = []


def nvmlInit() -> None:  # noqa: N802
    pass


def nvmlSystemGetDriverVersion() -> str:  # noqa: N802
    return str(RECORDED["driver"])


def nvmlDeviceGetHandleByIndex(index: int) -> int:  # noqa: N802
    if not 0 <= index < len(RECORDED["gpus"]):
        raise NVMLError_NotFound(index)
    return index


def nvmlDeviceGetHandleByUUID(uuid: str) -> int:  # noqa: N802
    for index, gpu in enumerate(RECORDED["gpus"]):
        if gpu["uuid"] == uuid:
            return index
    raise NVMLError_NotFound(uuid)


def nvmlDeviceIsMigDeviceHandle(_handle: int) -> bool:  # noqa: N802
    return False


def nvmlDeviceGetIndex(handle: int) -> int:  # noqa: N802
    return handle


def nvmlDeviceGetName(_handle: int) -> str:  # noqa: N802
    return str(RECORDED["name"])


def nvmlDeviceGetMemoryInfo(handle: int) -> SimpleNamespace:  # noqa: N802
    return SimpleNamespace(used=sample(handle)["memory_used"], total=RECORDED["memory_total"])


def nvmlDeviceGetUtilizationRates(handle: int) -> SimpleNamespace:  # noqa: N802
    return SimpleNamespace(gpu=sample(handle)["utilisation"])


def nvmlDeviceGetPowerUsage(handle: int) -> int:  # noqa: N802
    return int(sample(handle)["power_mw"])


def nvmlDeviceGetEnforcedPowerLimit(_handle: int) -> int:  # noqa: N802
    return int(RECORDED["power_limit_mw"])


def nvmlDeviceGetTemperature(handle: int, _sensor: int) -> int:  # noqa: N802
    return int(sample(handle)["temperature"])


def nvmlDeviceGetCurrentClocksEventReasons(handle: int) -> int:  # noqa: N802
    return int(sample(handle)["clocks_event_reasons"])


def nvmlEventSetCreate() -> EventSet:  # noqa: N802
    return EventSet()


def nvmlDeviceRegisterEvents(handle: int, _kinds: int, events: EventSet) -> None:  # noqa: N802
    events.gpus.append(handle)


def nvmlEventSetWait_v2(events: EventSet, _timeout_ms: int) -> SimpleNamespace:  # noqa: N802
    """The errors that came up on the tape since the last time."""
    since, now = events.heard_at, time.time()
    for gpu in events.gpus:
        for error in RECORDED["gpus"][gpu]["xids"]:
            lap_s = period_s()
            came_at = now - (now - error["at_s"]) % lap_s
            if since < came_at <= now:
                events.heard_at = came_at
                return SimpleNamespace(eventData=error["xid"])
    events.heard_at = now
    raise NVMLError_Timeout


def sample(gpu: int) -> dict[str, int]:
    """What is on the tape now; it begins anew at its end."""
    samples: list[dict[str, int]] = RECORDED["gpus"][gpu]["samples"]
    return samples[int(time.time() % period_s() / RECORDED["every_s"])]


def period_s() -> float:
    """How long the tape is."""
    return float(RECORDED["every_s"] * len(RECORDED["gpus"][0]["samples"]))
