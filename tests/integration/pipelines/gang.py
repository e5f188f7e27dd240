"""Real gangs for tests: four processes over gloo, one thread each, that do one cell after another.

A cell is a gang shape; the ranks that it has no place for skip it. All cells of a family take one
start of four processes, because importing torch takes longer than all of them together.
"""

import json
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

import torch

from pipelines.handoff import Parcel, unpack
from pipelines.parallel.group import RankGroup
from pipelines.parallel.shape import GangShape
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipSpec
from pipelines.stages.denoise import DenoiseStage

RANKS = 4
TIMEOUT_S = 120.0
CHECKPOINT_STEP = 2


def denoise_in_gangs(
    folder: Path,
    source: str,
    jobs: Mapping[str, tuple[ClipSpec, Parcel]],
    shapes: Iterable[GangShape],
) -> None:
    """Denoise each job in each shape; every rank leaves its latents in `folder` (`latents_of`)."""
    cells = [{"shape": asdict(shape), "port": free_port()} for shape in shapes]
    specs = {name: asdict(spec) for name, (spec, _) in jobs.items()}
    for name, (_, conditioning) in jobs.items():
        (folder / f"{name}.conditioning").write_bytes(conditioning.pack())
    (folder / "gang.json").write_text(
        json.dumps({"source": source, "cells": cells, "specs": specs})
    )
    command = [sys.executable, "-m", "tests.integration.pipelines.gang", str(folder)]
    ranks = [
        subprocess.Popen(
            [*command, str(rank)],
            cwd=Path(__file__).parents[3],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(RANKS)
    ]
    try:
        said = [rank.communicate(timeout=TIMEOUT_S * 2)[1] for rank in ranks]
    finally:
        for rank in ranks:
            rank.kill()
            rank.wait()
    assert [rank.returncode for rank in ranks] == [0] * RANKS, "\n".join(said)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def latents_of(folder: Path, name: str, shape: GangShape) -> list[Parcel]:
    """What each rank of the shape's gang has at the end of a job."""
    return [
        unpack((folder / f"{name}-{shape}-{rank}.latents").read_bytes(), "latents")
        for rank in range(shape.world)
    ]


def checkpoint_of(folder: Path, name: str, shape: GangShape, rank: int = 0) -> Parcel:
    """What a rank had to say after the second step of a job."""
    path = folder / f"{name}-{shape}-{rank}.checkpoint"
    return unpack(path.read_bytes(), "checkpoint")


def main(folder: Path, rank: int) -> None:
    torch.set_num_threads(1)
    order = json.loads((folder / "gang.json").read_text())
    checkpoint = open_checkpoint(order["source"])
    for cell in order["cells"]:
        shape = GangShape(**cell["shape"])
        if rank >= shape.world:
            continue
        ranks = RankGroup.join(
            shape,
            rank,
            address="127.0.0.1",
            port=cell["port"],
            device=torch.device("cpu"),
            timeout_s=TIMEOUT_S,
        )
        stage = DenoiseStage.load(checkpoint, dtype=torch.float32, ranks=ranks)
        for name, spec in order["specs"].items():
            conditioning = unpack((folder / f"{name}.conditioning").read_bytes(), "conditioning")
            run_job(stage, ClipSpec(**spec), conditioning, folder / f"{name}-{shape}-{rank}")
        ranks.leave()


def run_job(stage: DenoiseStage, spec: ClipSpec, conditioning: Parcel, stem: Path) -> None:
    denoising = stage.begin(spec, conditioning)
    while denoising.step < denoising.steps:
        denoising.advance()
        if denoising.step == CHECKPOINT_STEP:
            Path(f"{stem}.checkpoint").write_bytes(denoising.checkpoint().pack())
    Path(f"{stem}.latents").write_bytes(denoising.latents().pack())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
