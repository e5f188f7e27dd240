"""The tables of jobs and of what belongs to them, as SQLAlchemy Core sees them.

The migrations create them; a test keeps the two descriptions equal. Times are Unix seconds.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
)

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_JSON = JSON(none_as_null=True)

jobs = Table(
    "jobs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("tier", Text, nullable=False),
    Column("model", Text, nullable=False),
    # The texts stand apart from the rest of the spec, so that one write erases them. As JSON they
    # keep every character a client can send, NUL and lone surrogates too, in both databases.
    Column("prompts", _JSON, nullable=False),
    Column("spec", _JSON, nullable=False),
    Column("status", Text, nullable=False),
    Column("phase", Text),
    Column("step", Integer, nullable=False),
    Column("predicted_gpu_s", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("completed_at", Double),
    Column("expires_at", Double),
    Column("deleted_at", Double),
    Column("epoch", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("attempt_started_at", Double),
    # The last time that a scheduler wrote of the running attempt: `adopt` charges time up to here.
    Column("seen_at", Double),
    Column("crashes", Integer, nullable=False),
    Column("crash_step", Integer, nullable=False),
    Column("run_s", Double, nullable=False),
    Column("clip_prefix", Text),
    Column("failure", _JSON),
    Column("timings", _JSON),
    # What the account agreed to when it asked; later changes of its limits do not touch it.
    Column("price_per_gpu_s", Double),
    Column("jobs_at_once", Integer),
    # What the gate decided: a promised time never moves; a released job waits like others.
    Column("promised_by", Double),
    Column("predicted_wait_s", Double),
    Column("released_at", Double),
    Column("preemptions", Integer),
    Column("suspended_at", Double),
    Column("history", _JSON),
    Index("ix_jobs_waiting", "status", "created_at", "id"),
    Index("ix_jobs_owed", "status", "promised_by", "id", "released_at"),
    Index("ix_jobs_listing", "account_id", "created_at", "id"),
    Index("ix_jobs_expiring", "status", "expires_at"),
    Index("ix_jobs_account_status", "account_id", "status"),
)
# Of a queued job: whether it is kept for later, and takes part in no queue yet.
DEFERRED = and_(jobs.c.promised_by.is_not(None), jobs.c.released_at.is_(None))

# Partial only where the condition is a literal: a bound parameter would hide it from the planner.
Index(
    "ix_jobs_deleted",
    jobs.c.deleted_at,
    sqlite_where=jobs.c.deleted_at.is_not(None),
    postgresql_where=jobs.c.deleted_at.is_not(None),
)

# One row for each job that ended, by the day (UTC, `2026-11-21`) of its end. They outlive the jobs:
# deleting clips gives nothing back.
usage = Table(
    "usage",
    METADATA,
    Column("job_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("clips", Integer, nullable=False),
    Column("gpu_s", Double, nullable=False),
    Column("price", Double, nullable=False),
    Index("ix_usage_account_id_day", "account_id", "day"),
)

# `epoch`: the newest scheduler epoch. `queue`: never counted; a lock on this row makes PostgreSQL
# take submissions one by one, as SQLite does anyway, so that the limit holds exactly. `switches` is
# the same for operators, `sign_ups` for sign-ups, and counts those that were let in at once.
# `accounts` numbers the changes of accounts.
counters = Table(
    "counters",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# What the policy has learnt, by name, so that a new Scheduler goes on where the last one stopped.
policy_state = Table(
    "policy_state",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", _JSON, nullable=False),
    Column("changed_at", Double, nullable=False),
)

# What operators have decided by hand, and a line for each change; see `switch.py`.
switches = Table(
    "switches",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("rate", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("why", Text, nullable=False),
    Column("until", Double),
)
gate_audit = Table(
    "gate_audit",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("before", _JSON),
    Column("after", _JSON),
)

idempotency_claims = Table(
    "idempotency_claims",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("key_digest", Text, primary_key=True),
    Column("body_digest", Text, nullable=False),
    Column("job_id", Text, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
)
