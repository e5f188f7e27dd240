"""Measuring GPUs: the readings of all replicas, each GPU once."""

import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from prometheus_client import CollectorRegistry

from serve.telemetry.catalogue import gpus
from serve.telemetry.gauges import Labels, Readings, counter
from serve.telemetry.gpu_reading import GpuReading

PHASES: Final = ("encode", "denoise", "decode", "idle")
THROTTLES: Final = ("power", "thermal", "slowdown")
FORGOTTEN_AFTER_S: Final = 3600.0
"""A node's name may be a pod's, which never comes again; a GPU that does goes on counting."""


class SeenGpu(Protocol):
    """A GPU as its replicas tell of it; the reading is that of `reader`."""

    @property
    def node(self) -> str: ...
    @property
    def reading(self) -> GpuReading: ...
    @property
    def phase(self) -> str: ...
    @property
    def reader(self) -> str: ...
    @property
    def gangs(self) -> Iterable[tuple[str, str]]: ...


class GpuMetrics:
    """Recorders over the registry of `Metrics`."""

    def __init__(
        self, registry: CollectorRegistry, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._info = Readings(gpus.INFO, registry)
        self._levels: tuple[tuple[Readings, Callable[[GpuReading], float | None]], ...] = (
            (Readings(gpus.UTILISATION, registry), lambda gpu: gpu.utilisation),
            (Readings(gpus.MEMORY_USED, registry), lambda gpu: gpu.memory_used_bytes),
            (Readings(gpus.MEMORY_TOTAL, registry), lambda gpu: gpu.memory_total_bytes),
            (Readings(gpus.POWER, registry), lambda gpu: gpu.power_w),
            (Readings(gpus.POWER_LIMIT, registry), lambda gpu: gpu.power_limit_w),
            (Readings(gpus.TEMPERATURE, registry), lambda gpu: gpu.temperature_c),
            (Readings(gpus.LAST_XID, registry), lambda gpu: gpu.last_xid),
        )
        self._phase = Readings(gpus.PHASE, registry)
        self._gang = Readings(gpus.GANG, registry)
        self._throttled = Readings(gpus.THROTTLED, registry)
        self._xids = counter(gpus.XID_ERRORS, registry)
        self._counted: dict[Labels, tuple[str, int]] = {}
        self._seen_at: dict[Labels, float] = {}

    def show(self, seen: Iterable[SeenGpu]) -> None:
        """All GPUs of which there is a reading now; those that are gone are no longer there."""
        by_place = {(gpu.node, gpu.reading.gpu): gpu for gpu in seen}
        for readings, of in self._levels:
            readings.show({place: of(gpu.reading) for place, gpu in by_place.items()})
        self._info.show(
            {(*place, gpu.reading.name, gpu.reading.driver): 1 for place, gpu in by_place.items()}
        )
        self._phase.show(
            {(*at, name): name == gpu.phase for at, gpu in by_place.items() for name in PHASES}
        )
        self._gang.show({(*at, *gang): 1 for at, gpu in by_place.items() for gang in gpu.gangs})
        self._throttled.show(
            {
                (*place, why): why in gpu.reading.throttled
                for place, gpu in by_place.items()
                if gpu.reading.throttled is not None
                for why in THROTTLES
            }
        )
        for place, gpu in by_place.items():
            self._count(place, gpu)
        self._forget(by_place)

    def _count(self, place: Labels, gpu: SeenGpu) -> None:
        """What one process counted; another that reads the same GPU saw the same errors."""
        errors = gpu.reading.xid_errors
        if errors is None:
            return
        reader, known = self._counted.get(place, (gpu.reader, 0))
        more = errors - known if reader == gpu.reader else 0
        self._xids.labels(*place).inc(max(0, more))
        self._counted[place] = (gpu.reader, errors)

    def _forget(self, seen: Iterable[Labels]) -> None:
        """The errors of those that were not seen for an hour."""
        now = self._monotonic()
        self._seen_at.update(dict.fromkeys(seen, now))
        gone = [at for at, last in self._seen_at.items() if now - last > FORGOTTEN_AFTER_S]
        for place in gone:
            del self._seen_at[place]
            if self._counted.pop(place, None):
                self._xids.remove(*place)
