"""Places and times that Gateways are told."""

from dataclasses import replace

import pytest

from autoscaling.ordering import Waiting
from pipelines.cost import Calibration
from serve.jobs.job import Job, Phase, Status
from serve.messages import GangStatus, QueuePlace
from serve.scheduling.costs import Costs
from serve.scheduling.view import View
from tests.unit.serve.attempts.scene import JOB


class TenSeconds(Costs):
    """Ten GPU-seconds a job, nine of them denoising."""

    def remaining_s(self, job: Job) -> float:
        return 1.0 if job.phase is Phase.DECODE else 10.0 - 9 * job.step / job.spec.steps


def gang(name: str, job_id: str | None = None) -> GangStatus:
    return GangStatus(replica=name, pid=1, model="m", shape="1", devices=1, job_id=job_id, step=0)


@pytest.fixture
def view() -> View:
    return View(TenSeconds({}))


ORDERED = [
    Waiting(job_id=name, model="m", tier_rank=0, created_at=0.0, predicted_gpu_s=10.0)
    for name in ("next", "later")
]
RUNNING = replace(JOB, id="runs", status=Status.IN_PROGRESS, phase=Phase.DENOISE, step=1)


def places(view: View, *gangs: GangStatus) -> dict[str, QueuePlace]:
    told = view.snapshot(
        epoch=1, gangs=gangs, warm_models=frozenset(), metrics=b"", ordered=ORDERED
    )
    return told.places


def test_waiting_jobs_follow_what_runs(view: View) -> None:
    view.seen(RUNNING)
    assert places(view, gang("a", "runs")) == {
        "next": QueuePlace(position=0, eta_s=17.0),
        "later": QueuePlace(position=1, eta_s=27.0),
    }


def test_a_job_that_is_being_encoded_takes_a_gang_too(view: View) -> None:
    view.seen(replace(RUNNING, phase=Phase.ENCODE, step=0))
    assert places(view, gang("a"))["next"].eta_s == 20.0
    assert places(view, gang("a"), gang("b"))["next"].eta_s == 10.0


def test_a_job_that_is_being_decoded_takes_none(view: View) -> None:
    view.seen(replace(RUNNING, phase=Phase.DECODE, step=3))
    assert places(view, gang("a"))["next"].eta_s == 10.0


def test_without_a_gang_nobody_knows(view: View) -> None:
    assert places(view)["next"] == QueuePlace(position=0, eta_s=None)


def test_ended_and_requeued_jobs_run_no_longer(view: View) -> None:
    for status in (Status.CANCELLED, Status.QUEUED):
        view.seen(RUNNING)
        view.seen(replace(RUNNING, status=status))
        snapshot = view.snapshot(epoch=1, gangs=(), warm_models=frozenset(), metrics=b"")
        assert not snapshot.running_eta_s


def test_what_was_learnt_is_told(view: View) -> None:
    learnt = Calibration().observed("m", "denoise", predicted_s=1.0, observed_s=2.0)
    view._costs.calibration = learnt
    told = view.snapshot(epoch=1, gangs=(), warm_models=frozenset(), metrics=b"")
    assert told.calibration == learnt
