"""Promised jobs stay in the order of their promises, whatever starts and stops."""

from hypothesis import given
from hypothesis import strategies as st

from autoscaling.replay.jobs import SMALL, SimJob
from autoscaling.replay.owed import Owed


def promised(number: int, finish_by: float) -> SimJob:
    return SimJob(
        number=number,
        arrived_at=0.0,
        rank=0,
        tier="new",
        account_id="a",
        size=SMALL,
        true_gpu_s=150.0,
        slo_scale=10.0,
        promised_by=finish_by,
    )


def test_a_job_is_owed_until_it_runs() -> None:
    owed = Owed()
    late, soon = promised(1, 900.0), promised(2, 500.0)
    for job in (late, soon):
        owed.add(job, job.clock, 150.0, deferred=True)
    assert [each.job_id for each in owed.deferred()] == [soon.job_id, late.job_id]
    assert owed.release(owed.deferred()[0]) is soon
    assert [each.job_id for each in owed.deferred()] == [late.job_id]
    assert len(owed.all) == 2
    owed.starts(soon)
    assert [each.job_id for each in owed.all] == [late.job_id]
    owed.add(soon, soon.clock, 70.0, deferred=False)
    assert [each.gpu_s for each in owed.all] == [70.0, 150.0]
    assert [each.job_id for each in owed.deferred()] == [late.job_id]


def test_who_was_promised_nothing_is_not_owed() -> None:
    owed = Owed()
    job = promised(1, 900.0)
    job.promised_by = None
    owed.starts(job)
    assert not owed.all


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 1e4), st.booleans()), max_size=60))
def test_the_order_holds(steps: list[tuple[int, float, bool]]) -> None:
    owed, known = Owed(), dict[int, SimJob]()
    for number, finish_by, deferred in steps:
        if number in known:
            owed.starts(known.pop(number))
        else:
            known[number] = promised(number, finish_by)
            owed.add(known[number], finish_by, 1.0, deferred=deferred)
        times = [each.finish_by for each in owed.all]
        assert times == sorted(times)
        assert {int(each.job_id) for each in owed.all} == set(known)
