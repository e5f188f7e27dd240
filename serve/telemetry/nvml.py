"""What NVML says of the GPUs that a process holds: what can be read, and nothing else.

NVML may be missing, may not know a reading, and may die in mid-run; a call may even hang. So each
reading stands for itself, nothing here raises, and it is for a thread of its own.
"""

import importlib
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from serve.telemetry.gpu_reading import GpuReading
from serve.telemetry.xids import Xids

T = TypeVar("T")
log = logging.getLogger(__name__)
MOST_EVENTS: Final = 100
"""At one look."""
THROTTLES: Final = (
    ("power", "nvmlClocksEventReasonSwPowerCap"),
    ("thermal", "nvmlClocksEventReasonSwThermalSlowdown"),
    ("thermal", "nvmlClocksThrottleReasonHwThermalSlowdown"),
    ("slowdown", "nvmlClocksThrottleReasonHwSlowdown"),
    ("slowdown", "nvmlClocksThrottleReasonHwPowerBrakeSlowdown"),
)


class GpuReader:
    """For the GPUs `held`, named as Ray names them: by index, or by the id of a GPU or a part."""

    def __init__(
        self,
        held: Sequence[str],
        library: Callable[[], Any] = lambda: importlib.import_module("pynvml"),
    ) -> None:
        self._held = tuple(held)
        self._library = library
        self._gpus: dict[str, _Gpu] = {}
        self._xids: dict[str, Xids] = {}
        self._silent: set[str] = set()

    def read(self) -> tuple[GpuReading, ...]:
        """Of each GPU that says anything at all."""
        found = [self._look(held) for held in self._held]
        return tuple(reading for reading in found if reading is not None)

    def _look(self, held: str) -> GpuReading | None:
        """One that measures nothing is lost, or its library died: it is opened anew. Until that
        works it goes on listening as it was, and the others are left alone."""
        gpu = self._gpus.get(held)
        reading = _maybe(gpu.read) if gpu else None
        if gpu and gpu.measures:
            return reading
        if (anew := self._opened(held)) is None:
            return reading
        self._gpus[held] = anew
        return _maybe(anew.read)

    def _opened(self, held: str) -> "_Gpu | None":
        """None if it cannot be, or measures nothing."""
        try:
            nvml = self._library()
            nvml.nvmlInit()
            gpu = _Gpu(nvml, _handle(nvml, held), _text(nvml.nvmlSystemGetDriverVersion()))
        except Exception as error:
            if held not in self._silent:
                log.info("no readings of GPU %s: %s", held, type(error).__name__)
            self._silent.add(held)
            return None
        self._silent.discard(held)
        _maybe(gpu.read)
        if not gpu.measures:
            return None
        gpu.listen(self._xids)
        return gpu


class _Gpu:
    """One device, or a part of one: what only the whole device knows is asked of that."""

    def __init__(self, nvml: Any, handle: Any, driver: str) -> None:
        self._nvml = nvml
        self._handle = handle
        self._driver = driver
        part = _maybe(lambda: nvml.nvmlDeviceIsMigDeviceHandle(handle))
        self._whole = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle) if part else handle
        index = nvml.nvmlDeviceGetIndex(self._whole)
        self._gpu = f"{index}:{nvml.nvmlDeviceGetGpuInstanceId(handle)}" if part else str(index)
        self._name = _text(nvml.nvmlDeviceGetName(self._whole))
        self._events: Any = None
        self._xids = Xids()
        self.measures = False
        """Whether the last look found anything but errors."""

    def listen(self, known: dict[str, Xids]) -> None:
        """Errors are remembered in `known`, also when the device is opened anew."""
        self._events = _maybe(self._subscribe)
        self._xids = known.setdefault(self._gpu, Xids())

    def read(self) -> GpuReading | None:
        """None when it tells nothing. A GPU that falls off the bus answers no question any more,
        yet the event that says so is there: so it is heard first, and told from then on."""
        self._hear()
        nvml, whole = self._nvml, self._whole
        memory = _maybe(lambda: nvml.nvmlDeviceGetMemoryInfo(self._handle))
        rates = _maybe(lambda: nvml.nvmlDeviceGetUtilizationRates(self._handle))
        power = _maybe(lambda: nvml.nvmlDeviceGetPowerUsage(whole))
        limit = _maybe(lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(whole))
        warmth = _maybe(lambda: nvml.nvmlDeviceGetTemperature(whole, nvml.NVML_TEMPERATURE_GPU))
        self.measures = not (memory is rates is power is warmth is None)
        if not self.measures and not self._xids.count:
            return None
        watched = self._events is not None
        return GpuReading(
            gpu=self._gpu,
            name=self._name,
            driver=self._driver,
            utilisation=None if rates is None else rates.gpu / 100,
            memory_used_bytes=None if memory is None else int(memory.used),
            memory_total_bytes=None if memory is None else int(memory.total),
            power_w=None if power is None else power / 1000,
            power_limit_w=None if limit is None else limit / 1000,
            temperature_c=None if warmth is None else float(warmth),
            throttled=_maybe(self._throttled),
            xid_errors=self._xids.count if watched else None,
            last_xid=self._xids.last if watched else None,
        )

    def _throttled(self) -> tuple[str, ...]:
        nvml = self._nvml
        held_down = nvml.nvmlDeviceGetCurrentClocksEventReasons(self._whole)
        return tuple(dict.fromkeys(why for why, bit in THROTTLES if held_down & getattr(nvml, bit)))

    def _subscribe(self) -> Any:
        """A set of its own, so that an event's device is known."""
        events = self._nvml.nvmlEventSetCreate()
        kinds = self._nvml.nvmlEventTypeXidCriticalError
        self._nvml.nvmlDeviceRegisterEvents(self._whole, kinds, events)
        return events

    def _hear(self) -> None:
        """Take all errors that came since the last time."""
        for _ in range(MOST_EVENTS if self._events is not None else 0):
            event = _maybe(lambda: self._nvml.nvmlEventSetWait_v2(self._events, 0))
            if event is None:  # none is left
                return
            self._xids.heard(int(event.eventData), time.monotonic())
            log.error("the driver reports XID %d of GPU %s", event.eventData, self._gpu)


def _handle(nvml: Any, held: str) -> Any:
    if held.isdecimal():
        return nvml.nvmlDeviceGetHandleByIndex(int(held))
    return nvml.nvmlDeviceGetHandleByUUID(held)


def _maybe(ask: Callable[[], T]) -> T | None:
    """None for what NVML does not support, or cannot tell any more."""
    try:
        return ask()
    except Exception:
        return None


def _text(said: str | bytes) -> str:
    """Old versions of the library answer in bytes."""
    return said.decode(errors="replace") if isinstance(said, bytes) else said
