"""Jobs, and the counters that hold the scheduler epoch."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_jobs()
    counters = op.create_table(
        "counters",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.bulk_insert(counters, [{"name": "epoch", "value": 0}, {"name": "queue", "value": 0}])


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("tier", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("prompts", sa.JSON, nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("phase", sa.Text),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("predicted_gpu_s", sa.Double, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("started_at", sa.Double),
        sa.Column("completed_at", sa.Double),
        sa.Column("expires_at", sa.Double),
        sa.Column("deleted_at", sa.Double),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("attempt_started_at", sa.Double),
        sa.Column("seen_at", sa.Double),
        sa.Column("crashes", sa.Integer, nullable=False),
        sa.Column("crash_step", sa.Integer, nullable=False),
        sa.Column("run_s", sa.Double, nullable=False),
        sa.Column("clip_prefix", sa.Text),
        sa.Column("failure", sa.JSON),
        sa.Column("timings", sa.JSON),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_waiting", "jobs", ["status", "created_at", "id"])
    op.create_index("ix_jobs_listing", "jobs", ["account_id", "created_at", "id"])
    op.create_index("ix_jobs_expiring", "jobs", ["status", "expires_at"])
    op.create_index(
        "ix_jobs_deleted",
        "jobs",
        ["deleted_at"],
        sqlite_where=sa.text("deleted_at IS NOT NULL"),
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
