"""Real gangs for tests: four processes over gloo, one thread each, that do one cell after another.

Or over NCCL, each with a GPU of its own.

A cell is a gang shape; the ranks that it has no place for skip it. All cells of a family take one
start of four processes, because importing torch takes longer than all of them together.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from pipelines.handoff import Parcel, unpack
from pipelines.parallel.group import RankGroup
from pipelines.parallel.shape import GangShape
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipSpec
from pipelines.stages.denoise import DenoiseStage

RANKS = 4
TIMEOUT_S = 240.0
CHECKPOINT_STEP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A clip that every cell's gang denoises."""

    name: str
    source: str
    spec: ClipSpec
    conditioning: Parcel


@dataclass(frozen=True, slots=True, kw_only=True)
class RankResult:
    """What one rank has at the end of a job, and had on the way."""

    latents: Parcel
    checkpoint: Parcel
    """After the second step."""
    passes: int
    """Calls of transformers, over all steps."""
    tokens: int
    """Video tokens in a block."""


def denoise_in_gangs(
    folder: Path, jobs: Sequence[Job], shapes: Sequence[GangShape], *, kind: str = "cpu"
) -> dict[tuple[str, GangShape], list[RankResult]]:
    """Denoise each job in each shape, on devices of a `kind`; the results of every rank."""
    write_orders(folder, jobs, shapes, kind)
    command = [sys.executable, "-m", "tests.integration.pipelines.gang_ranks", str(folder)]
    root = Path(__file__).parents[3]
    errors = [(folder / f"{rank}.err").open("w+") for rank in range(RANKS)]
    ranks = [
        subprocess.Popen([*command, str(rank)], cwd=root, stderr=errors[rank])
        for rank in range(RANKS)
    ]
    try:
        wait_for_all(ranks)
    finally:
        codes = [rank.poll() for rank in ranks]
        for rank in ranks:
            rank.kill()
            rank.wait()
        for error in errors:
            error.close()
    said = [(folder / f"{rank}.err").read_text()[-2000:] for rank in range(RANKS)]
    assert codes == [0] * RANKS, "\n".join(said)
    return {
        (job.name, shape): [read(folder / stem(job.name, shape, r)) for r in range(shape.world)]
        for job in jobs
        for shape in shapes
    }


def wait_for_all(ranks: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Until all are done, or one has failed and the others would wait for it in vain."""
    deadline = time.monotonic() + 2 * TIMEOUT_S
    while time.monotonic() < deadline:
        codes = [rank.poll() for rank in ranks]
        if None not in codes or any(codes):
            return
        time.sleep(0.05)


def write_orders(folder: Path, jobs: Sequence[Job], shapes: Sequence[GangShape], kind: str) -> None:
    cells = [{"shape": asdict(shape), "port": free_port()} for shape in shapes]
    orders = [{"name": j.name, "source": j.source, "spec": asdict(j.spec)} for j in jobs]
    for job in jobs:
        (folder / f"{job.name}.conditioning").write_bytes(job.conditioning.pack())
    (folder / "gang.json").write_text(json.dumps({"jobs": orders, "cells": cells, "kind": kind}))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def stem(name: str, shape: GangShape, rank: int) -> str:
    return f"{name}-{shape}-{rank}"


def read(path: Path) -> RankResult:
    return RankResult(
        latents=unpack(Path(f"{path}.latents").read_bytes(), "latents"),
        checkpoint=unpack(Path(f"{path}.checkpoint").read_bytes(), "checkpoint"),
        **json.loads(Path(f"{path}.json").read_text()),
    )


def run_cells(folder: Path, rank: int) -> None:
    """What each process does."""
    torch.set_num_threads(1)
    orders = json.loads((folder / "gang.json").read_text())
    for cell in orders["cells"]:
        shape = GangShape(**cell["shape"])
        if rank < shape.world:
            device = torch.device("cuda", rank) if orders["kind"] == "cuda" else torch.device("cpu")
            with joined(shape, rank, cell["port"], device) as ranks:
                for order in orders["jobs"]:
                    run_job(folder, order, ranks)


@contextmanager
def joined(shape: GangShape, rank: int, port: int, device: torch.device) -> Iterator[RankGroup]:
    ranks = RankGroup.join(
        shape,
        rank,
        address="127.0.0.1",
        port=port,
        device=device,
        timeout_s=TIMEOUT_S,
    )
    yield ranks
    ranks.leave()


def run_job(folder: Path, order: dict[str, Any], ranks: RankGroup) -> None:
    checkpoint = open_checkpoint(order["source"])
    stage = DenoiseStage.load(checkpoint, dtype=torch.float32, ranks=ranks)
    assert stage.use_attention("native") == "native"
    seen = watched(stage)
    conditioning = unpack((folder / f"{order['name']}.conditioning").read_bytes(), "conditioning")
    path = folder / stem(order["name"], ranks.shape, ranks.rank)
    denoising = stage.begin(ClipSpec(**order["spec"]), conditioning)
    while denoising.step < denoising.steps:
        denoising.advance()
        if denoising.step == CHECKPOINT_STEP:
            Path(f"{path}.checkpoint").write_bytes(denoising.checkpoint().pack())
    Path(f"{path}.latents").write_bytes(denoising.latents().pack())
    Path(f"{path}.json").write_text(json.dumps(seen))


def watched(stage: DenoiseStage) -> dict[str, int]:
    """Counts of what the stage's transformers do from now on."""
    seen = {"passes": 0, "tokens": 0}

    def note(module: Any, args: Any, named: Any) -> None:
        tokens = (args[0] if args else named["hidden_states"]).shape[1]
        seen.update(passes=seen["passes"] + 1, tokens=tokens)

    pipeline = stage._denoiser.pipeline
    for name in ("transformer", "transformer_2"):
        if transformer := getattr(pipeline, name, None):
            blocks = getattr(transformer, "blocks", None) or transformer.transformer_blocks
            blocks[-1].register_forward_pre_hook(note, with_kwargs=True)
    return seen


if __name__ == "__main__":
    run_cells(Path(sys.argv[1]), int(sys.argv[2]))
