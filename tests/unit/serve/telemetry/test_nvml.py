"""Readings of GPUs: from a tape, and from libraries that know less, or die."""

from types import SimpleNamespace
from typing import Any

import pytest

from serve.telemetry.nvml import GpuReader
from tests.recorded_gpus import pynvml as tape


class Library:
    """NVML as the tape has it, but for what a test replaces; what it names raises."""

    def __init__(self, *broken: str, **replaced: Any) -> None:
        self.broken = set(broken)
        self._replaced = replaced

    def __getattr__(self, name: str) -> Any:
        if name in self.broken:
            raise AttributeError(name)
        return self._replaced.get(name) or getattr(tape, name)


class Lossy(Library):
    """Every question about a GPU that is `lost` fails, but for events that came before."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[int] = set()
        self.queued: list[tuple[int, int]] = []
        """GPU and XID."""
        self.subscribed = 0

    def nvmlEventSetWait_v2(self, events: Any, _timeout_ms: int) -> SimpleNamespace:  # noqa: N802
        for event in self.queued:
            if event[0] in events.gpus:
                self.queued.remove(event)
                return SimpleNamespace(eventData=event[1])
        raise tape.NVMLError_Timeout

    def __getattr__(self, name: str) -> Any:
        said = super().__getattr__(name)
        if not name.startswith("nvmlDevice"):
            return said

        def ask(handle: int, *more: Any) -> Any:
            if handle in self.lost:
                raise tape.NVMLError(handle)
            self.subscribed += name == "nvmlDeviceRegisterEvents"
            return said(handle, *more)

        return ask


def reader(*held: str, library: Any = tape) -> GpuReader:
    return GpuReader(held, lambda: library)


def at(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    monkeypatch.setattr(tape, "time", SimpleNamespace(time=lambda: now))


def test_all_that_a_card_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 60.0)
    second, first = reader("1", str(tape.RECORDED["gpus"][0]["uuid"])).read()
    assert (second.gpu, first.gpu) == ("1", "0")
    assert first.name == "NVIDIA H100 80GB HBM3"
    assert first.driver == "570.86.15"
    recorded = tape.RECORDED["gpus"][0]["samples"][30]
    assert first.utilisation == recorded["utilisation"] / 100
    assert first.memory_used_bytes == recorded["memory_used"]
    assert first.memory_total_bytes == 85_520_809_984
    assert first.power_w == recorded["power_mw"] / 1000
    assert first.power_limit_w == 700.0
    assert first.temperature_c == recorded["temperature"]
    assert (first.xid_errors, first.last_xid) == (0, None)


def test_readings_move_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    gpus = reader("0")
    for now in range(0, 120, 10):
        at(monkeypatch, float(now))
        (reading,) = gpus.read()
        seen.add((reading.utilisation, reading.power_w))
    assert len(seen) > 5


def test_clocks_that_are_held_down_say_why() -> None:
    library = Library(nvmlDeviceGetCurrentClocksEventReasons=lambda _: 4 | 32 | 64)
    (reading,) = reader("0", library=library).read()
    assert reading.throttled == ("power", "thermal")


def test_errors_are_counted_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 1_200_000.0)
    gpus = reader("3")
    assert gpus.read()[0].xid_errors == 0
    at(monkeypatch, 1_200_065.0)
    assert (gpus.read()[0].xid_errors, gpus.read()[0].last_xid) == (1, 94)
    at(monkeypatch, 1_200_185.0)
    assert gpus.read()[0].xid_errors == 2


def test_what_a_device_does_not_support_is_none_and_never_zero() -> None:
    library = Library(
        "nvmlDeviceGetUtilizationRates", "nvmlDeviceGetPowerUsage", "nvmlEventSetCreate"
    )
    (reading,) = reader("0", library=library).read()
    assert (reading.utilisation, reading.power_w, reading.xid_errors) == (None, None, None)
    assert reading.memory_total_bytes is not None
    assert reading.temperature_c is not None


def test_a_part_of_a_card_has_its_own_memory_and_the_heat_of_the_whole() -> None:
    library = Library(
        "nvmlDeviceGetUtilizationRates",
        nvmlDeviceGetHandleByUUID=lambda _: "part",
        nvmlDeviceIsMigDeviceHandle=lambda handle: handle == "part",
        nvmlDeviceGetDeviceHandleFromMigDeviceHandle=lambda _: 2,
        nvmlDeviceGetGpuInstanceId=lambda _: 5,
        nvmlDeviceGetMemoryInfo=lambda _: SimpleNamespace(used=10, total=20),
    )
    (reading,) = reader("MIG-8f1c", library=library).read()
    assert reading.gpu == "2:5"
    assert (reading.memory_used_bytes, reading.memory_total_bytes) == (10, 20)
    assert reading.utilisation is None
    assert reading.power_w is not None


def test_no_library_and_no_gpus_are_no_readings() -> None:
    def missing() -> Any:
        raise ModuleNotFoundError("pynvml")

    assert GpuReader(["0"], missing).read() == ()
    assert GpuReader([], missing).read() == ()
    assert reader("17").read() == ()


def test_the_real_library_without_a_driver_is_no_reading() -> None:
    pytest.importorskip("pynvml")
    assert GpuReader(["4711"]).read() == ()


def test_a_library_that_dies_in_mid_run_is_silence_and_comes_back() -> None:
    library = Library()
    gpus = reader("0", "3", library=library)
    assert len(gpus.read()) == 2
    library.broken = {name for name in dir(tape) if name.startswith("nvmlDeviceGet")}
    assert gpus.read() == ()
    assert gpus.read() == ()
    library.broken = set()
    assert [reading.gpu for reading in gpus.read()] == ["0", "3"]


def test_a_gpu_that_is_lost_leaves_the_others_of_its_gang_alone() -> None:
    library = Lossy()
    gpus = reader("0", "1", "2", "3", library=library)
    assert len(gpus.read()) == 4
    subscribed = library.subscribed
    library.lost.add(1)
    for _ in range(3):
        assert [reading.gpu for reading in gpus.read()] == ["0", "2", "3"]
    assert library.subscribed == subscribed
    library.lost.clear()
    assert [reading.gpu for reading in gpus.read()] == ["0", "1", "2", "3"]


def test_a_gpu_that_fell_off_the_bus_tells_of_that_and_goes_on_telling() -> None:
    library = Lossy()
    gpus = reader("0", "1", library=library)
    gpus.read()
    library.lost.add(1)
    library.queued.append((1, 79))
    for _ in range(3):
        _, lost = gpus.read()
        assert (lost.gpu, lost.name, lost.xid_errors, lost.last_xid) == (
            "1",
            "NVIDIA H100 80GB HBM3",
            1,
            79,
        )
        assert (lost.memory_used_bytes, lost.power_w, lost.throttled) == (None, None, None)
    library.lost.clear()
    assert (gpus.read()[1].memory_total_bytes, gpus.read()[1].xid_errors) == (85_520_809_984, 1)


def test_an_error_of_the_device_is_not_hidden_by_those_it_causes() -> None:
    library = Lossy()
    gpus = reader("1", library=library)
    gpus.read()
    library.queued += [(1, 79), (1, 13), (1, 45)]
    (reading,) = gpus.read()
    assert (reading.xid_errors, reading.last_xid) == (3, 79)
