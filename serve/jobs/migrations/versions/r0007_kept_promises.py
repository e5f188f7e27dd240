"""A promised time never moves: the database itself refuses to change one."""

from alembic import op

revision = "0007"
down_revision = "0006"
WHAT = "a promised time never moves"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER promises_stay BEFORE UPDATE OF promised_by ON jobs "
            "WHEN OLD.promised_by IS NOT NULL AND NEW.promised_by IS NOT OLD.promised_by "
            f"BEGIN SELECT RAISE(ABORT, '{WHAT}'); END"
        )
        return
    op.execute(
        "CREATE FUNCTION filmgate_promises_stay() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{WHAT}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER promises_stay BEFORE UPDATE OF promised_by ON jobs FOR EACH ROW "
        "WHEN (OLD.promised_by IS NOT NULL AND NEW.promised_by IS DISTINCT FROM OLD.promised_by) "
        "EXECUTE FUNCTION filmgate_promises_stay()"
    )
