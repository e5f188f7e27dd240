"""What will run where, for people: printed when the service starts."""

import urllib.parse

from serve.settings import Settings
from serve.settings.replicas import Gangs, Replicas


def plan(settings: Settings, host: str) -> list[str]:
    """What will run where, for people."""
    database = urllib.parse.urlsplit(settings.database_url).scheme.partition("+")[0]
    lines = [
        f"filmgate: http://{host}:{settings.http.port}, data in {settings.data_dir}, {database} "
        f"jobs, artifacts in {settings.artifacts.url or settings.data_dir / 'artifacts'}"
    ]
    if settings.http.open_access:
        lines.append("no API keys: listening on loopback only, anyone on this machine is `local`")
    for model in settings.models:
        gangs = " and ".join(_gangs(each, model.denoiser) for each in model.shapes)
        lines.append(
            f"  {model.name} ({model.checkpoint}, {model.dtype}): {_number(model.encoder)} "
            f"encoder, {gangs}, {_number(model.decoder)} decoder"
        )
    return lines


def _gangs(gangs: Gangs, rank: Replicas) -> str:
    """`2 denoisers of shape tp2 (2 ranks, 1 GPU each)`, `1 denoiser (CPU, 1 threads each)`."""
    where = f"{rank.num_gpus:g} GPU" if rank.num_gpus else f"CPU, {rank.threads} threads"
    world = gangs.shape.world
    many = "denoiser" if gangs.most == 1 else "denoisers"
    shape = f" of shape {gangs.shape} ({world} ranks, {where} each)" if world > 1 else ""
    number = f"{gangs.min} to {gangs.most}" if gangs.most > gangs.min else str(gangs.min)
    return f"{number} {many}{shape or f' ({where} each)'}"


def _number(replicas: Replicas) -> str:
    least, most = replicas.replicas, replicas.most
    return f"{least} to {most}" if most > least else str(least)
