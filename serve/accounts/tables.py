"""The tables of accounts and API keys; they live in the same database as the jobs."""

from sqlalchemy import JSON, Column, Double, ForeignKey, Table, Text

from serve.jobs.tables import METADATA

accounts = Table(
    "accounts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("tier", Text, nullable=False),
    Column("region", Text),
    Column("created_at", Double, nullable=False),
    Column("invite", Text),
    # Limits stated for this account in place of its tier's: some fields of `Limits`.
    Column("overrides", JSON(none_as_null=True)),
    Column("disabled_at", Double),
)

api_keys = Table(
    "api_keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("last_used_at", Double),
    Column("revoked_at", Double),
)
