"""What operators decide by hand, and who may come in: switches, waitlist, invitations."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    counters = sa.table("counters", sa.column("name"), sa.column("value"))
    op.bulk_insert(counters, [{"name": "switches", "value": 0}, {"name": "sign_ups", "value": 0}])
    _create_switches()
    _create_waitlist()
    op.create_table(
        "invites",
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("until", sa.Double),
        sa.Column("revoked_at", sa.Double),
        sa.PrimaryKeyConstraint("code", name="pk_invites"),
    )


def _create_switches() -> None:
    op.create_table(
        "switches",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("rate", sa.Double, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("until", sa.Double),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_switches"),
    )
    op.create_table(
        "gate_audit",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
        sa.PrimaryKeyConstraint("id", name="pk_gate_audit"),
    )


def _create_waitlist() -> None:
    op.create_table(
        "waitlist",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("region", sa.Text),
        sa.Column("token_digest", sa.Text, nullable=False),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("called_at", sa.Double),
        sa.Column("account_id", sa.Text),
        sa.Column("key_id", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_waitlist"),
        sa.UniqueConstraint("name", name="uq_waitlist_name"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_waitlist_account_id"),
    )
    op.create_index(
        "ix_waitlist_called_at_asked_at_id", "waitlist", ["called_at", "asked_at", "id"]
    )
