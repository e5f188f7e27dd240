"""The tables of accounts, API keys and newcomers, in the same database as the jobs."""

from sqlalchemy import JSON, BigInteger, Column, Double, ForeignKey, Index, Integer, Table, Text

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
    # The number of its last change, by which Gateways hear of it; none while it is as it was made.
    Column("changed", BigInteger, index=True),
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

# A place stays after its account was made, so that its token can be shown again.
waitlist = Table(
    "waitlist",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("region", Text),
    Column("token_digest", Text, nullable=False),
    Column("asked_at", Double, nullable=False),
    Column("called_at", Double),
    Column("account_id", Text, ForeignKey("accounts.id")),
    # The key that the account came with: while it was not used it may be replaced.
    Column("key_id", Text),
    Index("ix_waitlist_called_at_asked_at_id", "called_at", "asked_at", "id"),
)

invites = Table(
    "invites",
    METADATA,
    Column("code", Text, primary_key=True),
    Column("entries", Integer, nullable=False),
    Column("used", Integer, nullable=False),
    Column("who", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("until", Double),
    Column("revoked_at", Double),
)
