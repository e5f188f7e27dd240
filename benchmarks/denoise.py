"""Step time against stock diffusers in the same run; attention backends, checkpoints, resuming.

On the CPU the embedded model; with `--device cuda` full-size LTX-2 and Wan 2.1 with random weights
made on the device. Neither Ray nor the service is imported: diffusers, torch and `pipelines` do.
"""

import argparse
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from benchmarks.denoising.full_size import build, ltx2_model, wan_model
from benchmarks.denoising.measure import (
    Effort,
    attention_backends,
    checkpoints,
    host_lead,
    memory,
    reason,
    resuming,
    step_times,
)
from benchmarks.denoising.subject import Subject, embedded
from benchmarks.report import RESULTS, Row, markdown, shown, write_results

GPU_STEPS = 4
Measure = Callable[[Subject, Effort], Iterator[Row]]
MEASURES: tuple[Measure, ...] = (
    step_times,
    checkpoints,
    resuming,
    memory,
    host_lead,
    attention_backends,
)


def main(options: Sequence[str] = ()) -> None:
    asked = _arguments().parse_args(options)
    if asked.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit("--device cuda: torch finds no GPU here; leave it out for the CPU")
    torch.set_num_threads(1)
    began = time.perf_counter()
    rows: list[Row] = []
    pairs = asked.pairs or (24 if asked.device == "cpu" else 4)
    effort = Effort(pairs=pairs, rounds=max(2, pairs // 4))
    out = asked.out or RESULTS / ("denoise.json" if asked.device == "cpu" else "denoise-gpu.json")
    for name, make in _subjects(asked):
        rows += _measure(name, make, effort)
        write_results(out, rows, {})  # a lent machine may go before the end
    took = Row(what="whole benchmark", value=time.perf_counter() - began, unit="s")
    write_results(out, [*rows, took], {})
    print(markdown("denoise", [*rows, took]))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks denoise")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--models", nargs="+", choices=("embedded", "wan", "ltx2"))
    parser.add_argument("--pairs", type=int, help="loops of each side (24, on a GPU 4)")
    parser.add_argument("--out", type=Path, help="where the JSON goes")
    parser.add_argument("--tiny", action="store_true", help="tiny configs instead of full-size")
    return parser


def _subjects(asked: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Subject]]]:
    """What to measure, made one after the other: two full-size models do not fit on one device."""
    on_cpu = asked.device == "cpu"
    names = asked.models or (["embedded"] if on_cpu and not asked.tiny else ["wan", "ltx2"])
    device = torch.device(asked.device)
    for name in names:
        if name == "embedded":
            yield name, embedded
        else:
            model = (ltx2_model if name == "ltx2" else wan_model)(tiny=asked.tiny)
            yield (
                model.name,
                lambda model=model: build(
                    model, dtype=torch.bfloat16, device=device, steps=GPU_STEPS
                ),
            )


def _measure(name: str, make: Callable[[], Subject], effort: Effort) -> list[Row]:
    """Rows of one model; what fails becomes a row that says why, and the rest goes on."""
    rows: list[Row] = []

    def note(row: Row) -> None:
        rows.append(Row(what=f"{name}: {row.what}", value=row.value, unit=row.unit, note=row.note))
        print(shown(rows[-1]), flush=True)

    try:
        began = time.perf_counter()
        subject = make()
        name = subject.name
        note(Row(what="made in", value=time.perf_counter() - began, unit="s"))
    except Exception as error:
        traceback.print_exc()
        note(Row(what="cannot be made", value=None, unit="", note=reason(error)))
        return rows
    for measure in MEASURES:
        try:
            for row in measure(subject, effort):
                note(row)
        except Exception as error:
            traceback.print_exc()
            note(Row(what=measure.__name__, value=None, unit="", note=reason(error)))
        subject.tidy()
    return rows


if __name__ == "__main__":
    main()
