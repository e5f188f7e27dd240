"""`filmgate serve`: the service itself, until it is told to stop."""

from serve.commands.options import Config
from serve.commands.outcome import CommandError
from serve.settings import load


def serve(config: Config = None) -> None:
    """Run the service until Ctrl-C."""
    settings = load(config)
    # Imported late: Ray takes seconds, and a mistake in the settings should not.
    from pipelines.checkpoint import CheckpointError
    from serve.app import run
    from serve.jobs.database import DatabaseUrlError
    from serve.jobs.upgrade import SchemaError
    from serve.service import ServiceError

    try:
        run(settings)
    except (ServiceError, CheckpointError, DatabaseUrlError, SchemaError) as error:
        raise CommandError(str(error)) from error
