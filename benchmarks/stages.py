"""Whether stages overlap behind the real service: decoding, the next job's steps, and encoding."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.report import BENCH_SETTINGS, Row, publish
from benchmarks.timeline import Span, gaps_s, ready_before, shared_s, spans
from tests.integration.service.running import Service

JOBS = 12


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="filmgate-bench-") as folder:
        service = Service(Path(folder) / "data", BENCH_SETTINGS)
        try:
            service.start()
            _run(service, ["warm"])
            alone = [_run(service, [f"number {i}, by itself"]) for i in range(JOBS)]
            together = _run(service, [f"number {i}, in a row" for i in range(JOBS)])
            rows, details = _compare(list(service.log_lines()), alone, together)
        finally:
            service.stop()
    publish("stages", rows, details)


def _run(service: Service, prompts: list[str]) -> list[dict[str, Any]]:
    """Clips of these prompts, posted at once, when all are there."""
    ids = [service.submit(prompt, seed=3) for prompt in prompts]
    videos = [service.finish(job_id, every_s=0.2) for job_id in ids]
    if lost := [video for video in videos if video["status"] != "completed"]:
        raise RuntimeError(f"{len(lost)} of {len(ids)} clips failed: {lost[0]['error']}")
    return videos


def _compare(
    lines: list[dict[str, Any]], alone: list[list[dict[str, Any]]], together: list[dict[str, Any]]
) -> tuple[list[Row], dict[str, Any]]:
    ids = {video["id"] for video in together}
    in_a_row = [line for line in lines if line.get("job_id") in ids]
    encoded, denoised, decoded = (
        spans(in_a_row, stage) for stage in ("encode", "denoise", "decode")
    )
    gaps = gaps_s(denoised)
    whole = max(span.ended_at for span in decoded) - min(span.began_at for span in encoded)
    by_itself = sum(_stages_s(lines, video) for [video] in alone)
    beside = sum(shared_s(span, denoised) for span in decoded)
    ready = ready_before(encoded, denoised)
    rows = [
        Row(
            what=f"{JOBS} clips in a row / their stages by themselves",
            value=whole / by_itself,
            unit="",
        ),
        Row(
            what="decoding while the gang denoised another job",
            value=100 * beside / _sum(decoded),
            unit="% of decode time",
            note="the last clip has no other beside it",
        ),
        Row(
            what="conditioning made before the gang got free",
            value=100 * sum(ready) / len(ready),
            unit="% of jobs after the first",
        ),
        Row(what="gang rests between two jobs", value=1000 * statistics.median(gaps), unit="ms"),
        Row(what="gang rests, worst", value=1000 * max(gaps), unit="ms"),
        Row(what="gang at work", value=100 * _sum(denoised) / _reach(denoised), unit="%"),
        Row(what="encode, a clip by itself", value=_mean(lines, alone, "encode"), unit="s"),
        Row(what="denoise, a clip by itself", value=_mean(lines, alone, "denoise"), unit="s"),
        Row(what="decode, a clip by itself", value=_mean(lines, alone, "decode"), unit="s"),
    ]
    return rows, {"jobs": JOBS, "gaps_s": gaps, "measured_at": time.strftime("%Y-%m-%d")}


def _stages_s(lines: list[dict[str, Any]], video: dict[str, Any]) -> float:
    """Seconds of the stages of a clip that had the service for itself."""
    of_video = [line for line in lines if line.get("job_id") == video["id"]]
    return sum(_sum(spans(of_video, stage)) for stage in ("encode", "denoise", "decode"))


def _mean(lines: list[dict[str, Any]], alone: list[list[dict[str, Any]]], stage: str) -> float:
    ids = {video["id"] for [video] in alone}
    return _sum(spans([line for line in lines if line.get("job_id") in ids], stage)) / len(ids)


def _sum(found: list[Span]) -> float:
    return sum(span.seconds for span in found)


def _reach(found: list[Span]) -> float:
    return max(span.ended_at for span in found) - min(span.began_at for span in found)


if __name__ == "__main__":
    main()
