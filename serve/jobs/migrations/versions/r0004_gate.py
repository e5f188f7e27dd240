"""What the gate decided about each job, and what the policy has learnt."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for name in ("promised_by", "predicted_wait_s", "released_at", "suspended_at"):
        op.add_column("jobs", sa.Column(name, sa.Double))
    op.add_column("jobs", sa.Column("preemptions", sa.Integer))
    op.add_column("jobs", sa.Column("history", sa.JSON))
    op.create_index("ix_jobs_owed", "jobs", ["status", "promised_by", "id", "released_at"])
    op.create_table(
        "policy_state",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_policy_state"),
    )
