"""How long a job has been in progress, as an expression over its row."""

from sqlalchemy import ColumnElement, and_, case

from serve.jobs.job import Status
from serve.jobs.tables import jobs


def run_s_until(end: float | ColumnElement[float]) -> ColumnElement[float]:
    """`run_s` with the running attempt's seconds up to `end`; unchanged if nothing is running.

    A clock that went backwards adds nothing.
    """
    running = and_(jobs.c.status == Status.IN_PROGRESS, jobs.c.attempt_started_at < end)
    return jobs.c.run_s + case((running, end - jobs.c.attempt_started_at), else_=0.0)
