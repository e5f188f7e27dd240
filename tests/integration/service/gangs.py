"""Gangs seen from outside: their processes, their placement groups, who made what."""

import contextlib
import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import torch

from pipelines.embedded.place import WEIGHTS
from pipelines.handoff import unpack
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipRequest, resolve
from pipelines.stages.decode import DecodeStage
from tests.integration.service.running import Service, until

GANGS = re.compile(r"gang of shape (\S+): processes \[([\d, ]+)\]")
GROUPS = """
import json, sys
from ray._private.state import GlobalState
from ray._raylet import GcsClientOptions
state = GlobalState()
state._initialize_global_state(GcsClientOptions.create(sys.argv[1], None, True, False))
print(json.dumps([group["state"] for group in state.placement_group_table().values()]))
"""


def gangs_of(service: Service) -> dict[int, list[int]]:
    """Of each gang of several ranks so far, the processes by that of rank 0, which comes first."""
    told = (GANGS.search(str(line.get("message"))) for line in service.log_lines())
    pids = [[int(pid) for pid in found[2].split(",")] for found in told if found]
    return {ranks[0]: ranks for ranks in pids}


def live_gangs(service: Service) -> list[list[int]]:
    """The gangs whose processes are all there."""
    return [ranks for ranks in gangs_of(service).values() if all(map(psutil.pid_exists, ranks))]


def rank_processes(service: Service) -> set[int]:
    """Every process that is a rank of a gang of several, or has been one and is still there."""
    found = {process.pid for process in service.replicas("Denoiser-filmgate-tiny-tp2")}
    for process in service.processes():
        try:
            if "ray::RankActor" in " ".join(process.cmdline()):
                found.add(process.pid)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def states(service: Service) -> dict[tuple[str, str], int]:
    """How many gangs the Scheduler knows, by shape and `free` or `busy`."""
    found = re.findall(
        r'filmgate_gangs\{model="[^"]*",shape="([^"]*)",state="(\w+)"\} (\d+)',
        service.http.get("/metrics").text,
    )
    return {(shape, state): int(number) for shape, state, number in found}


def all_free(service: Service, **wanted: int) -> None:
    """Wait until so many gangs of each shape are free, none is busy, and no other process is left.

    `wanted` is by shape, with `single` for the shape `1`.
    """
    shapes = {("1" if name == "single" else name): number for name, number in wanted.items()}

    def settled() -> bool:
        found = states(service)
        free = {shape: number for (shape, state), number in found.items() if state == "free"}
        busy = sum(number for (_, state), number in found.items() if state == "busy")
        live = {pid for ranks in live_gangs(service) for pid in ranks}
        return free == shapes and not busy and rank_processes(service) == live

    until(settled, f"the gangs to be {wanted}", every_s=0.5)


def placement_groups(service: Service) -> list[str]:
    """The states of those that are not removed, asked of the cluster's own table.

    By a process of its own, since this one is no part of the cluster.
    """
    raylet = next(process for process in service.processes() if "raylet" in process.name())
    address = next(a for a in raylet.cmdline() if a.startswith("--gcs-address=")).split("=")[1]
    answer = subprocess.run(
        [sys.executable, "-c", GROUPS, address],
        env={**os.environ, "RAY_AUTH_MODE": "token"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    found: list[str] = json.loads(answer.stdout.splitlines()[-1])
    return [state for state in found if state != "REMOVED"]


def latents_digest(service: Service, job_id: str) -> str:
    """Of the latents that the job's clip was made from."""

    def logged() -> str | None:
        lines = [line for line in service.log_lines() if line.get("job_id") == job_id]
        return next((str(line["digest"]) for line in lines if "digest" in line), None)

    return until(logged, f"the digest of {job_id}")


def shapes_used(service: Service, job_id: str) -> list[str]:
    """The shape of the gang of each attempt, in order."""
    of_gangs = gangs_of(service)
    pids: dict[int, int] = {step.attempt: step.pid for step in service.steps(job_id)}
    return ["tp2" if pids[attempt] in of_gangs else "1" for attempt in sorted(pids)]


def working_gang(service: Service, job_id: str) -> list[int]:
    """The processes of the gang of several ranks that works on the job now."""

    def found() -> list[int] | None:
        steps = service.steps(job_id)
        return gangs_of(service).get(steps[-1].pid) if steps else None

    return until(found, f"a gang to work on {job_id}")


def psnr(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """In dB; infinite for the same frames."""
    error = float(np.mean((one.astype(np.float64) - other.astype(np.float64)) ** 2))
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def keep_latents(service: Service, ids: list[str], folder: Path) -> dict[str, Path]:
    """Hold on to the stored latents of running jobs, which the service clears away at their end."""
    jobs = service.data_dir / "artifacts" / "jobs"
    kept: dict[str, Path] = {}

    def all_kept() -> bool:
        for job_id in set(ids) - kept.keys():
            with contextlib.suppress(FileNotFoundError):
                os.link(jobs / job_id / "latents", folder / job_id)
                kept[job_id] = folder / job_id
        return len(kept) == len(ids)

    until(all_kept, "the latents of all jobs", every_s=0.005)
    return kept


def frames_of(path: Path, steps: int) -> npt.NDArray[np.uint8]:
    """What the decoder makes of stored latents, before H.264: (frames, height, width, 3).

    An mp4 cannot tell: one value of one pixel changed by one leaves 46 dB of it.
    """
    checkpoint = open_checkpoint(str(WEIGHTS))
    limits = dataclasses.replace(checkpoint.family.limits, max_steps=steps)
    spec = resolve(ClipRequest(prompt="any", steps=steps), limits, fresh_seed=0)
    stage = DecodeStage.load(checkpoint, dtype=torch.float32)
    return stage.decode(spec, unpack(path.read_bytes(), "latents")).video
