"""The model libraries stay silent where a service runs them, whatever they would like to say."""

import os
import subprocess
import sys
from pathlib import Path

EVERY_STAGE = """
from serve.settings.sections import Log
from serve.telemetry.logs import configure_logging

configure_logging(Log())  # as in a replica: its own logs first, the libraries when needed

import torch
from pipelines.embedded.place import WEIGHTS
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipRequest, resolve
from pipelines.stages.decode import DecodeStage
from pipelines.stages.denoise import DenoiseStage
from pipelines.stages.encode import EncodeStage

torch.set_num_threads(1)
checkpoint = open_checkpoint(str(WEIGHTS))
encode, denoise, decode = (
    stage.load(checkpoint, dtype=torch.float32)
    for stage in (EncodeStage, DenoiseStage, DecodeStage)
)
request = ClipRequest(prompt="a secret lighthouse " * 20, steps=1)
spec = resolve(request, checkpoint.family.limits, fresh_seed=1)
denoising = denoise.begin(spec, encode.encode(spec))
denoising.advance()
decode.decode(spec, denoising.latents())

from diffusers.utils import logging
logging.get_logger("diffusers.some.pipeline").warning("it was cut off: %s", spec.prompt)
from transformers.utils import logging
logging.get_logger("transformers.some.tokenizer").warning("it was cut off: %s", spec.prompt)
logging.get_logger("transformers.some.model").error("the one thing that may be heard")
"""


def test_loading_and_running_print_nothing() -> None:
    said = subprocess.run(
        [sys.executable, "-c", EVERY_STAGE],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert said.stdout == ""
    assert said.stderr.removeprefix("[transformers] ") == "the one thing that may be heard\n"
