"""What is made sure of before anything runs: the stores answer, the models can be served."""

import asyncio
import logging
import time

from sqlalchemy.exc import DBAPIError

from pipelines.checkpoint import CheckpointError
from serve.accounts.accounts import open_accounts
from serve.artifacts.location import open_artifacts
from serve.artifacts.store import ArtifactError
from serve.jobs.database import DatabaseUrlError, opened
from serve.jobs.upgrade import SchemaError, upgrade
from serve.models import offered_models, open_checkpoint_of
from serve.service import ServiceError
from serve.settings import Settings, SettingsError
from serve.settings.serve_config import read_args
from serve.telemetry.logs import configure_logging

FAULTS = (ServiceError, SettingsError, CheckpointError, DatabaseUrlError, SchemaError)
"""What is wrong with the settings or what they name, each in words for people."""
STORES_WITHIN_S = 120.0
"""In a cluster, a database may start at the same time as we."""
TRY_EVERY_S = 2.0
log = logging.getLogger(__name__)


def from_serve_config(args: dict[str, object]) -> Settings:
    """The settings of a Serve config, once the stores are there; raises one of `FAULTS`.

    Serve builds the application once for each change of its config, before any replica of it
    starts: whoever is first brings the database up to date, also with two clusters on one.
    """
    settings = read_args(args)
    configure_logging(settings.log)
    asyncio.run(_stores(settings))
    return settled(settings, False)


async def _stores(settings: Settings) -> None:
    deadline = time.monotonic() + STORES_WITHIN_S
    while True:
        try:
            await prepare_stores(settings)
            return
        except ServiceError as error:
            if time.monotonic() > deadline:
                raise
            log.warning("%s Trying again.", error)
        await asyncio.sleep(TRY_EVERY_S)


async def prepare_stores(settings: Settings) -> bool:
    """Both answer, and the database is up to date; whether no API key exists yet."""
    artifacts = open_artifacts(settings.artifacts, settings.data_dir)
    try:
        await artifacts.check()
        await upgrade(settings.database_url)
        async with opened(settings.database_url) as engines:
            return not await open_accounts(engines).any_keys()
    except (OSError, DBAPIError) as error:
        raise ServiceError(
            f"the database does not answer ({type(error).__name__}): check database.url, and that "
            "the server runs and lets filmgate in."
        ) from error
    except ArtifactError as error:
        raise ServiceError(f"{error}: check the section artifacts of the settings.") from error
    finally:
        await artifacts.close()


def settled(settings: Settings, openly: bool) -> Settings:
    """What only the start can decide: open access, and the commit of each model of the hub.

    Raises `CheckpointError` for a model that cannot be served.
    """
    models = []
    for model in settings.models:
        found = open_checkpoint_of(model).source.revision
        models.append(model.model_copy(update={"revision": found}))
    http = settings.http.model_copy(update={"open_access": openly})
    settled = settings.model_copy(update={"models": tuple(models), "http": http})
    offered_models(settled)
    return settled
