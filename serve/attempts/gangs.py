"""Which gangs exist, which are free, and which job was sent where.

Pure: `now` is an argument, in seconds of a clock that is never set.

Ray Serve routes a job to *some* gang of a model and shape, so a job first reserves "one free gang
of this kind" and is bound to a replica when that replica says it has started.
"""

from dataclasses import dataclass, replace

from autoscaling.placement import FreeGangs
from serve.messages import GangStatus, Holding, LeaseReport, least_device_bytes
from serve.settings.sections import Lease

MISSED_REPORTS = 3
"""A gang that has missed so many is sent no job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gang:
    report: LeaseReport
    seen_at: float
    job_id: str | None = None
    """The job that this scheduler bound to it."""
    unsettled: bool = False
    """Its job was stopped from here; it counts as free only after its next report."""

    @property
    def holding(self) -> Holding | None:
        return self.report.holding


class Gangs:
    """The gangs that have reported lately. One that is silent for `timeout_s` is forgotten.

    Silent for `free_within_s` (some missed reports) it is still known, but no longer free: it may
    have died since.
    """

    def __init__(self, *, timeout_s: float, free_within_s: float) -> None:
        self._timeout_s = timeout_s
        self._free_within_s = free_within_s
        self._gangs: dict[str, _Gang] = {}
        self._reserved: dict[str, tuple[str, str]] = {}
        self._lost: set[str] = set()

    def report(self, report: LeaseReport, now: float) -> bool:
        """Take note of what a gang says it is doing; whether it was not known to do nothing."""
        known = self._gangs.get(report.replica)
        was_idle = known is not None and known.holding is None and not known.unsettled
        job_id = known.job_id if known else None
        self._gangs[report.replica] = _Gang(report=report, seen_at=now, job_id=job_id)
        return report.holding is None and not was_idle

    def free(self, model: str, now: float) -> tuple[FreeGangs, ...]:
        """By shape, how many jobs of `model` can be sent now and start at once."""
        gangs = [gang for gang in self._fresh(now) if gang.report.model == model]
        devices = {gang.report.shape: gang.report.devices for gang in gangs}
        idle = [gang.report.shape for gang in gangs if self._is_free(gang, now)]
        wanted = [shape for of, shape in self._reserved.values() if of == model]
        return tuple(
            FreeGangs(shape=shape, devices=held, num_free=idle.count(shape) - wanted.count(shape))
            for shape, held in sorted(devices.items())
        )

    def _is_free(self, gang: _Gang, now: float) -> bool:
        at_work = gang.holding or gang.job_id or gang.unsettled
        return not at_work and now - gang.seen_at <= self._free_within_s

    def reserve(self, job_id: str, model: str, shape: str) -> None:
        """Set one free gang of this kind aside for a job that is about to be sent."""
        self._reserved[job_id] = (model, shape)

    def bind(self, job_id: str, replica: str) -> None:
        """The replica has said that it started the job."""
        self._reserved.pop(job_id, None)
        if gang := self._gangs.get(replica):
            self._gangs[replica] = replace(gang, job_id=job_id)

    def release(self, job_id: str, *, settled: bool) -> None:
        """The job no longer needs its gang; `settled` when the gang itself said it was done."""
        self._reserved.pop(job_id, None)
        self._lost.discard(job_id)
        for name, gang in self._gangs.items():
            if gang.job_id == job_id:
                report = replace(gang.report, holding=None) if settled else gang.report
                self._gangs[name] = replace(gang, job_id=None, report=report, unsettled=not settled)

    def take_lost(self, now: float) -> frozenset[str]:
        """Jobs whose gang has fallen silent with them; each is told once."""
        self._fresh(now)
        lost, self._lost = frozenset(self._lost), set()
        return lost

    def device_bytes(self, model: str, now: float) -> dict[str, int]:
        """Memory that a device of each shape has at least, for the shapes that have said."""
        return least_device_bytes(model, (gang.report for gang in self._fresh(now)))

    def models(self, now: float) -> frozenset[str]:
        """The models that have at least one gang alive."""
        return frozenset(gang.report.model for gang in self._fresh(now))

    def statuses(self, now: float) -> tuple[GangStatus, ...]:
        """All gangs alive, with the job and step each holds."""
        return tuple(
            GangStatus(
                replica=gang.report.replica,
                pid=gang.report.pid,
                model=gang.report.model,
                shape=gang.report.shape,
                devices=gang.report.devices,
                job_id=gang.holding.job_id if gang.holding else gang.job_id,
                step=gang.holding.step if gang.holding else 0,
                attention=gang.report.attention,
                device_bytes=gang.report.device_bytes,
            )
            for gang in self._fresh(now)
        )

    def reports(self, now: float) -> list[LeaseReport]:
        """What the gangs alive said last."""
        return [gang.report for gang in self._fresh(now)]

    def _fresh(self, now: float) -> list[_Gang]:
        silent = [n for n, gang in self._gangs.items() if now - gang.seen_at > self._timeout_s]
        for name in silent:
            if job_id := self._gangs.pop(name).job_id:
                self._lost.add(job_id)
        return list(self._gangs.values())


def gangs_under(lease: Lease) -> Gangs:
    """None so far, with the settings' patience."""
    free_within_s = min(lease.timeout_s, MISSED_REPORTS * lease.period_s)
    return Gangs(timeout_s=lease.timeout_s, free_within_s=free_within_s)
