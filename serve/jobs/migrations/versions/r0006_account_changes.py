"""Numbered changes of accounts, so that Gateways can be told of them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    counters = sa.table("counters", sa.column("name"), sa.column("value"))
    op.bulk_insert(counters, [{"name": "accounts", "value": 0}])
    op.add_column("accounts", sa.Column("changed", sa.BigInteger))
    op.create_index("ix_accounts_changed", "accounts", ["changed"])
