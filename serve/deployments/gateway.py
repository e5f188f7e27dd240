"""The Gateway as a replica: one FastAPI application over the stores and a Scheduler link."""

import asyncio
import time
from typing import Any

from fastapi import FastAPI
from ray.serve.context import _get_serve_request_context

from serve.accounts.accounts import open_accounts
from serve.accounts.newcomers import open_newcomers
from serve.accounts.rules import rules_of
from serve.artifacts.local_folder import free_bytes
from serve.artifacts.location import open_artifacts
from serve.deployments.link import ServeLink
from serve.gateway.app import build_gateway
from serve.gateway.parts import GatewayParts, ServedModel
from serve.jobs.sql_store import open_store
from serve.models import offered_models
from serve.settings import Settings
from serve.telemetry.logs import configure_logging


class Gateway:
    """Stateless: any number may run side by side. Wrapped by Serve's late-bound ASGI ingress."""

    async def __init__(self, values: dict[str, Any], scheduler: Any) -> None:  # type: ignore[misc]
        settings = Settings.from_values(values)
        configure_logging(settings.log)
        store = open_store(settings.database_url)
        artifacts = open_artifacts(settings.artifacts, settings.data_dir)
        self._parts = GatewayParts(
            http=settings.http,
            jobs=settings.jobs,
            min_free_bytes=settings.artifacts.min_free_bytes,
            free_bytes=lambda: None if settings.artifacts.url else free_bytes(settings.data_dir),
            store=store,
            artifacts=artifacts,
            accounts=open_accounts(store.engines),
            newcomers=open_newcomers(store.engines),
            models=await asyncio.to_thread(_served, settings),
            link=ServeLink(scheduler),
            open_access=settings.http.open_access,
            local_tier=settings.local_tier,
            rules=rules_of(settings),
            policy=settings.rules,
            tick_s=settings.policy.tick_s,
            remembered_s=settings.accounts.remembered_s,
            now=time.time,
            request_id=lambda: _get_serve_request_context().request_id or None,
            store_errors=lambda: (store.engines.faults.count, artifacts.num_faults),
        )

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Called by Serve once the replica is constructed."""
        return build_gateway(self._parts)


def _served(settings: Settings) -> tuple[ServedModel, ...]:
    return tuple(
        ServedModel(
            name=name,
            limits=model.limits,
            costs=model.costs,
            check_fits=model.check_fits,
            attention=model.settings.attention,
            may_sleep=model.settings.may_sleep,
            price_per_gpu_s=model.settings.price_per_gpu_s,
            standard_devices=model.standard_devices(settings.policy.placement.standard_devices),
        )
        for name, model in offered_models(settings).items()
    )
