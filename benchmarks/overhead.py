"""What the service adds to a clip: created to completed against bare diffusers, in pairs."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.bare import BarePipeline
from benchmarks.report import BENCH_SETTINGS, THREADS, Row, publish
from pipelines.embedded.place import WEIGHTS
from tests.integration.service.running import Service

PAIRS = 10
LEAST_BARE_S = 5.0
POLL_S = 0.5
"""As seldom as a client would ask: the server's own clock tells what a clip took."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="filmgate-bench-") as folder:
        service = Service(Path(folder) / "data", BENCH_SETTINGS, log_level="INFO")
        service.start()
        try:
            _compare(service, Path(folder))
        finally:
            service.stop()


def _compare(service: Service, folder: Path) -> None:
    bare = BarePipeline(WEIGHTS, threads=THREADS)
    default = served(service, {})
    steps = _steps_for(bare, default, folder, LEAST_BARE_S)
    long = _pairs(service, bare, folder, {"num_inference_steps": steps})
    short = _pairs(service, bare, folder, {})
    ratios = [pair["served_s"] / pair["bare_s"] for pair in long]
    added_ms = [1000 * (pair["served_s"] - pair["bare_s"]) for pair in short]
    where = long[len(long) // 2]["video"]["metrics"]
    rows = [
        Row(what="ratio", value=statistics.median(ratios), unit="served / bare"),
        Row(what="ratio, worst pair", value=max(ratios), unit="served / bare"),
        Row(what="bare clip", value=statistics.median(p["bare_s"] for p in long), unit="s"),
        Row(what="default clip adds", value=statistics.median(added_ms), unit="ms"),
        Row(
            what="default clip, bare", value=statistics.median(p["bare_s"] for p in short), unit="s"
        ),
        *(Row(what=f"of which {name}", value=where[name], unit="s") for name in sorted(where)),
    ]
    publish("overhead", rows, {"steps": steps, "long": long, "short": short})


def served(service: Service, fields: dict[str, Any]) -> dict[str, Any]:
    """A clip through HTTP; adds `served_s`: the POST, and created to completed by the server."""
    began = time.perf_counter()
    job_id = service.submit("a red ball bounces", seed=3, **fields)
    post_s = time.perf_counter() - began
    video = service.finish(job_id, every_s=POLL_S)
    if video["status"] != "completed":
        raise RuntimeError(f"the clip failed: {video['error']}")
    return {**video, "served_s": post_s + video["metrics"]["total_s"], "post_s": post_s}


def _steps_for(bare: BarePipeline, video: dict[str, Any], folder: Path, least_s: float) -> int:
    """As many steps as give at least `least_s` of bare work."""
    few, many = (
        min(bare.clip(folder / "probe.mp4", {**video, "steps": steps}) for _ in range(2))
        for steps in (10, 30)
    )
    return int((1.1 * least_s - few) / ((many - few) / 20)) + 10


def _pairs(
    service: Service, bare: BarePipeline, folder: Path, fields: dict[str, Any]
) -> list[dict[str, Any]]:
    """Interleaved, each pair in the other order than the one before; the same clip to the byte."""
    template = served(service, fields)
    bare.clip(folder / "bare.mp4", template)
    if (folder / "bare.mp4").read_bytes() != service.clip(template["id"]):
        raise RuntimeError("the service and the bare pipeline made different clips")
    pairs = []
    for number in range(PAIRS):
        bare_s = bare.clip(folder / "bare.mp4", template) if number % 2 else None
        video = served(service, fields)
        bare_s = bare_s or bare.clip(folder / "bare.mp4", template)
        pairs.append({"served_s": video["served_s"], "bare_s": bare_s, "video": video})
    return pairs


if __name__ == "__main__":
    main()
