"""What accounts may ask, what their jobs cost, and what they have used so far."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("invite", sa.Text))
    op.add_column("accounts", sa.Column("overrides", sa.JSON))
    op.add_column("accounts", sa.Column("disabled_at", sa.Double))
    op.add_column("jobs", sa.Column("price_per_gpu_s", sa.Double))
    op.add_column("jobs", sa.Column("jobs_at_once", sa.Integer))
    op.create_index("ix_jobs_account_status", "jobs", ["account_id", "status"])
    op.create_table(
        "usage",
        sa.Column("job_id", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("clips", sa.Integer, nullable=False),
        sa.Column("gpu_s", sa.Double, nullable=False),
        sa.Column("price", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_usage"),
    )
    op.create_index("ix_usage_account_id_day", "usage", ["account_id", "day"])
