"""The Scheduler's picture of waiting and running jobs, as Gateways are told it."""

from collections.abc import Sequence

from autoscaling.admission import Situation
from autoscaling.ordering import Waiting
from autoscaling.outlook import BusyGang, outlook
from serve.accounts.news import AccountNews
from serve.jobs.job import Job, Phase, Status
from serve.messages import GangStatus, QueuePlace, Snapshot
from serve.scheduling.costs import Costs


class View:
    """Running jobs as of their last event."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._running: dict[str, Job] = {}

    def seen(self, job: Job) -> None:
        """Take note of a job's latest state."""
        if job.status is Status.IN_PROGRESS:
            self._running[job.id] = job
        else:
            self._running.pop(job.id, None)

    def snapshot(
        self,
        *,
        epoch: int,
        gangs: tuple[GangStatus, ...],
        warm_models: frozenset[str],
        metrics: bytes,
        ordered: Sequence[Waiting] = (),
        situation: Situation | None = None,
        recent_accounts: frozenset[str] = frozenset(),
        accounts: AccountNews | None = None,
    ) -> Snapshot:
        """What is sent to each Gateway; `ordered` are the waiting jobs, the next one first."""
        devices = {gang.job_id: gang.devices for gang in gangs if gang.job_id}
        running_eta_s = {
            job.id: self._costs.remaining_s(job) / devices.get(job.id, 1)
            for job in self._running.values()
        }
        places = {
            job_id: QueuePlace(position=place.position, eta_s=place.eta_s)
            for job_id, place in outlook(ordered, self._busy(gangs, running_eta_s)).items()
        }
        return Snapshot(
            epoch=epoch,
            gangs=gangs,
            warm_models=warm_models,
            places=places,
            running_eta_s=running_eta_s,
            metrics=metrics,
            situation=situation,
            recent_accounts=recent_accounts,
            calibration=self._costs.calibration,
            accounts=accounts,
        )

    def _busy(
        self, gangs: tuple[GangStatus, ...], running_eta_s: dict[str, float]
    ) -> dict[str, list[BusyGang]]:
        """Each model's gangs; a job on its way to a gang holds one too."""
        held = {gang.job_id for gang in gangs}
        on_their_way: dict[str, list[float]] = {}
        for job in self._running.values():
            if job.phase is not Phase.DECODE and job.id not in held:
                on_their_way.setdefault(job.model, []).append(running_eta_s[job.id])
        busy: dict[str, list[BusyGang]] = {}
        for gang in gangs:
            coming = on_their_way.get(gang.model)
            seconds = running_eta_s.get(gang.job_id or "", 0.0)
            if gang.job_id is None and coming:
                seconds = coming.pop() / gang.devices
            busy.setdefault(gang.model, []).append(
                BusyGang(free_in_s=seconds, devices=gang.devices)
            )
        return busy
