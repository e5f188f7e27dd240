"""Which gangs exist, which are free, and which job was sent where.

Pure: `now` is an argument, in seconds of a clock that is never set.

Ray Serve routes a job to *some* replica of a model, so a job first reserves "one free gang of this
model" and is bound to a replica when that replica says it has started.
"""

from dataclasses import dataclass, replace

from serve.messages import GangStatus, Holding, LeaseReport


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
    """The gangs that have reported lately. A gang that is silent for `timeout_s` is forgotten."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._gangs: dict[str, _Gang] = {}
        self._reserved: dict[str, str] = {}

    def report(self, report: LeaseReport, now: float) -> bool:
        """Take note of what a gang says it is doing; whether it was not known to do nothing."""
        known = self._gangs.get(report.replica)
        was_idle = known is not None and known.holding is None and not known.unsettled
        job_id = known.job_id if known else None
        self._gangs[report.replica] = _Gang(report=report, seen_at=now, job_id=job_id)
        return report.holding is None and not was_idle

    def free(self, model: str, now: float) -> int:
        """How many jobs of `model` can be sent now and start at once."""
        idle = [
            gang
            for gang in self._fresh(now)
            if gang.report.model == model
            and gang.holding is None
            and gang.job_id is None
            and not gang.unsettled
        ]
        return len(idle) - sum(1 for wanted in self._reserved.values() if wanted == model)

    def reserve(self, job_id: str, model: str) -> None:
        """Set one free gang of `model` aside for a job that is about to be sent."""
        self._reserved[job_id] = model

    def bind(self, job_id: str, replica: str) -> None:
        """The replica has said that it started the job."""
        self._reserved.pop(job_id, None)
        if gang := self._gangs.get(replica):
            self._gangs[replica] = replace(gang, job_id=job_id)

    def release(self, job_id: str, *, settled: bool) -> None:
        """The job no longer needs its gang; `settled` when the gang itself said it was done."""
        self._reserved.pop(job_id, None)
        for name, gang in self._gangs.items():
            if gang.job_id == job_id:
                report = replace(gang.report, holding=None) if settled else gang.report
                self._gangs[name] = replace(gang, job_id=None, report=report, unsettled=not settled)

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
                job_id=gang.holding.job_id if gang.holding else gang.job_id,
                step=gang.holding.step if gang.holding else 0,
            )
            for gang in self._fresh(now)
        )

    def _fresh(self, now: float) -> list[_Gang]:
        for name in [
            name for name, gang in self._gangs.items() if now - gang.seen_at > self._timeout_s
        ]:
            del self._gangs[name]
        return list(self._gangs.values())
