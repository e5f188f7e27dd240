"""The application of a rehearsal: the service's own, with stages that sleep."""

from typing import Any

from serve.app import build, settings_of

BUILDER = "benchmarks.rehearsal.app:application"
STAGES = {
    "Encoder": "benchmarks.rehearsal.stages.SleepingEncoder",
    "Denoiser": "benchmarks.rehearsal.stages.SleepingDenoiser",
    "Decoder": "benchmarks.rehearsal.stages.SleepingDecoder",
}
"""In place of `serve.app.STAGES`; by name as there, so that only replicas import torch."""


def application(args: dict[str, Any]) -> Any:
    """For Ray Serve; `args` are settings."""
    return build(settings_of(args), stages=STAGES)
