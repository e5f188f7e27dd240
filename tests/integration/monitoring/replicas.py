"""The service on this machine's processors, with replicas that hold GPUs of the recorded kind.

The stages are the real ones and compute; the exporter is the real one and asks NVML, for which the
tape in tests/recorded_gpus answers. Only which GPUs a replica holds is said here, instead of by
Ray: a cluster cannot give out GPUs that are not there.
"""

import sys
from pathlib import Path
from typing import Any

from pipelines.parallel.shape import GangShape
from serve.app import build, settings_of
from serve.app import run as serve
from serve.deployments.decoder import Decoder
from serve.deployments.denoiser import Denoiser
from serve.deployments.encoder import Encoder
from serve.replicas import gang, stage_reports
from serve.settings import load

HERE = "tests.integration.monitoring.replicas"
BUILDER = f"{HERE}:application"
STAGES = {name: f"{HERE}.{name}OnTape" for name in ("Encoder", "Denoiser", "Decoder")}


class EncoderOnTape(Encoder):
    async def __init__(self, values: dict[str, Any], model_name: str) -> None:  # type: ignore[misc]
        stage_reports.own_gpus = lambda: ["2"]  # type: ignore[assignment]
        await super().__init__(values, model_name)


class DenoiserOnTape(Denoiser):
    async def __init__(  # type: ignore[misc]
        self, values: dict[str, Any], model_name: str, shape: GangShape
    ) -> None:
        gang.own_gpus = lambda: ["0", "1"]  # type: ignore[assignment]
        await super().__init__(values, model_name, shape)


class DecoderOnTape(Decoder):
    async def __init__(self, values: dict[str, Any], model_name: str) -> None:  # type: ignore[misc]
        stage_reports.own_gpus = lambda: ["3"]  # type: ignore[assignment]
        await super().__init__(values, model_name)


def application(args: dict[str, Any]) -> Any:
    """For Ray Serve; `args` are settings."""
    return build(settings_of(args), stages=STAGES)


if __name__ == "__main__":
    serve(load(Path(sys.argv[1])), builder=BUILDER)
