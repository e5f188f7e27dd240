"""What is measured of one model: each function makes some rows and stands on its own."""

import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from diffusers.utils import logging as library_logging

from benchmarks.denoising.subject import Subject
from benchmarks.report import Row
from pipelines.handoff import Parcel, unpack
from pipelines.stages.denoise import Denoising

INTERVAL_S = 10.0
"""The service's default between two checkpoints of a job."""
BACKENDS = (
    "native",
    "_native_cudnn",
    "_native_flash",
    "_native_efficient",
    "flash",
    "_flash_3",
    "sage",
    "xformers",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How often each thing is done."""

    pairs: int
    """Of one loop of the library's and one of ours."""
    rounds: int
    """Of loops with a checkpoint a step, and without."""


def step_times(subject: Subject, effort: Effort) -> Iterator[Row]:
    """Ours over the library's, in pairs, each in the other order than the one before."""
    steps = subject.spec.steps
    (_, expected), (_, latents) = subject.stock_run(), subject.our_run()
    yield Row(
        what="latents equal to stock's, bit for bit",
        value=float(torch.equal(expected, latents) and bool(latents.isfinite().all())),
        unit="1 = yes",
    )
    pairs = []
    for number in range(effort.pairs):
        ours_s = subject.our_run()[0] if number % 2 else None
        stock_s = subject.stock_run()[0]
        pairs.append((stock_s, ours_s or subject.our_run()[0]))
    ratios = [ours_s / stock_s for stock_s, ours_s in pairs]
    note = f"{effort.pairs} pairs of {steps} steps"
    yield _row("step, stock diffusers", statistics.median(s for s, _ in pairs) / steps, "s", note)
    yield _row("step, ours", statistics.median(o for _, o in pairs) / steps, "s", note)
    yield _row("ours / stock, median", statistics.median(ratios), "ratio", note)
    yield _row("ours / stock, worst pair", max(ratios), "ratio", note)
    yield _row("ours / stock, best of each", min(o for _, o in pairs) / min(s for s, _ in pairs))


def checkpoints(subject: Subject, effort: Effort) -> Iterator[Row]:
    """One checkpoint by itself, and what one a step adds to the steps beside it."""
    denoising = subject.begin()
    denoising.advance()
    denoising.advance()
    alone = [_timed_pack(subject, denoising) for _ in range(max(3, effort.rounds))]
    seconds, size = statistics.median(took for took, _ in alone), alone[0][1]
    yield _row("checkpoint, packed", size / 1e6, "MB")
    yield _row("checkpoint() and pack(), the device at rest", seconds, "s")
    share = 100 * seconds / INTERVAL_S
    yield _row("share of time, one each 10 s", share, "%", "were nothing done beside it")
    added = []
    for number in range(effort.rounds):
        order = (True, False) if number % 2 else (False, True)
        took = {with_them: _loop_s(subject, with_them) for with_them in order}
        added.append((took[True] - took[False]) / (subject.spec.steps - 1))
    yield _row(
        "a checkpoint packed beside the next step adds",
        statistics.median(added),
        "s",
        f"median of {effort.rounds} pairs of loops",
    )
    yield _row("share of time, one each 10 s, beside", 100 * statistics.median(added) / 10, "%")


def resuming(subject: Subject, effort: Effort) -> Iterator[Row]:
    """Suspended after the first and before the last step, resumed from the packed bytes."""
    denoising = subject.begin()
    stored = {}
    while denoising.step < denoising.steps:
        if denoising.step in (1, denoising.steps - 1):
            stored[denoising.step] = denoising.checkpoint().pack()
        denoising.advance()
    expected = denoising.latents()
    for step, blob in stored.items():
        resumed = subject.stage.resume(subject.spec, unpack(blob, "checkpoint"))
        while resumed.step < resumed.steps:
            resumed.advance()
        yield _row(
            f"suspended at step {step} of {denoising.steps}: bit-identical latents",
            float(_equal(expected, resumed.latents())),
            "1 = yes",
        )


def memory(subject: Subject, effort: Effort) -> Iterator[Row]:
    """Weights, and the most that a loop of either side takes; on a GPU."""
    weights = sum(p.numel() * p.element_size() for p in subject.transformer.parameters())
    yield _row("weights", weights / 2**30, "GiB")
    if subject.device.type != "cuda":
        return
    for side, run in (("stock diffusers", subject.stock_run), ("ours", subject.our_run)):
        subject.tidy()
        torch.cuda.reset_peak_memory_stats(subject.device)
        run()
        peak = torch.cuda.max_memory_allocated(subject.device)
        yield _row(f"peak memory, {side}", peak / 2**30, "GiB")


def host_lead(subject: Subject, effort: Effort) -> Iterator[Row]:
    """How much of a step is still to be done when `advance()` returns."""
    denoising = subject.begin()
    denoising.advance()
    subject.settle()
    began = time.perf_counter()
    denoising.advance()
    returned = time.perf_counter()
    subject.settle()
    whole = time.perf_counter() - began
    yield _row("left of a step when advance() returns", 100 * (1 - (returned - began) / whole), "%")


def attention_backends(subject: Subject, effort: Effort) -> Iterator[Row]:
    """Each one the library knows and this machine may have: time a step, and how far it is off."""
    baseline: tuple[float, torch.Tensor] | None = None
    subject = subject.with_steps(2)
    library_logging.set_verbosity(library_logging.CRITICAL)  # it prints what it then raises
    for name in BACKENDS:
        try:
            subject.transformer.set_attention_backend(name)
            subject.our_run()
            seconds, latents = subject.our_run()
        except Exception as error:
            yield Row(what=f"attention {name}", value=None, unit="", note=reason(error))
            continue
        finally:
            subject.transformer.set_attention_backend("native")
            subject.tidy()
        baseline = baseline or (seconds, latents)
        off = (latents - baseline[1]).abs().max() / baseline[1].abs().max()
        note = f"{seconds / baseline[0]:.3f} of native's time; off by {off.item():.1e}"
        yield _row(f"attention {name}, step", seconds / subject.spec.steps, "s", note)


def reason(error: BaseException) -> str:
    """An error in one line of a table."""
    said = " ".join(str(error).split()) or "no message"
    return f"cannot: {type(error).__name__}: {said[:160]}".replace("|", "/")


def _row(what: str, value: float, unit: str = "ratio", note: str = "") -> Row:
    return Row(what=what, value=value, unit=unit, note=note)


def _equal(one: Parcel, other: Parcel) -> bool:
    return one.tensors.keys() == other.tensors.keys() and all(
        torch.equal(tensor, other.tensors[name]) and bool(tensor.isfinite().all())
        for name, tensor in one.tensors.items()
    )


def _timed_pack(subject: Subject, denoising: Denoising) -> tuple[float, int]:
    subject.settle()
    began = time.perf_counter()
    size = len(denoising.checkpoint().pack())
    return time.perf_counter() - began, size


def _loop_s(subject: Subject, with_checkpoints: bool) -> float:
    """Seconds of a loop; a thread packs each checkpoint while the next step runs, as a gang's."""
    denoising = subject.begin()
    packing: threading.Thread | None = None
    began = time.perf_counter()
    while denoising.step < denoising.steps:
        denoising.advance()
        if with_checkpoints and denoising.step < denoising.steps:
            if packing:
                packing.join()
            packing = threading.Thread(target=denoising.checkpoint().pack)
            packing.start()
    if packing:
        packing.join()
    subject.settle()
    return time.perf_counter() - began
