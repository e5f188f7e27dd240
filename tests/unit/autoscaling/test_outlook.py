"""Places in the queue and when a clip should be ready."""

from autoscaling.ordering import Waiting
from autoscaling.outlook import BusyGang, Outlook, outlook

IDLE = BusyGang(free_in_s=0.0)


def waiting(job_id: str, seconds: float, model: str = "m") -> Waiting:
    return Waiting(job_id=job_id, model=model, tier_rank=0, created_at=0.0, predicted_gpu_s=seconds)


def test_each_job_goes_to_the_gang_that_is_free_first() -> None:
    jobs = [waiting("a", 10), waiting("b", 10), waiting("c", 10)]
    assert outlook(jobs, {"m": [BusyGang(free_in_s=20.0), BusyGang(free_in_s=5.0)]}) == {
        "a": Outlook(position=0, eta_s=15.0),
        "b": Outlook(position=1, eta_s=25.0),
        "c": Outlook(position=2, eta_s=30.0),
    }


def test_models_do_not_wait_for_each_other() -> None:
    jobs = [waiting("a", 10), waiting("b", 7, model="other")]
    places = outlook(jobs, {"m": [IDLE], "other": [IDLE]})
    assert places["b"] == Outlook(position=0, eta_s=7.0)


def test_a_gang_of_four_devices_is_done_four_times_as_fast() -> None:
    gangs = {"m": [BusyGang(free_in_s=4.0, devices=4), BusyGang(free_in_s=10.0)]}
    assert [
        place.eta_s for place in outlook([waiting("a", 20), waiting("b", 20)], gangs).values()
    ] == [9.0, 14.0]


def test_without_a_gang_nobody_knows_when() -> None:
    assert outlook([waiting("a", 10)], {}) == {"a": Outlook(position=0, eta_s=None)}
