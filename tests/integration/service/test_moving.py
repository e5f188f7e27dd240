"""A running job that moves to a larger gang once one is free: real ranks, nothing done twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.service.gangs import (
    all_free,
    frames_of,
    keep_latents,
    psnr,
    shapes_used,
    working_gang,
)
from tests.integration.service.running import SETTINGS, Service

pytestmark = pytest.mark.timeout(600)
STEPS = 60
(MODEL,) = SETTINGS["models"]
GANGS: dict[str, Any] = {
    **SETTINGS,
    "models": [{**MODEL, "gangs": [{"tp": 2}, {}]}],
    "lease": {"period_s": 0.5, "timeout_s": 10.0},
    # Whatever it gains is worth it: the small model's clips are short.
    "policy": {"placement": {"least_gain_s": 0.0}},
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A gang of two ranks, and one of one."""
    service = Service(tmp_path_factory.mktemp("moving"), GANGS)
    service.start()
    yield service
    service.stop()


def test_a_job_moves_to_the_larger_gang_and_makes_the_same_clip(
    service: Service, tmp_path: Path
) -> None:
    all_free(service, tp2=1, single=1)
    blocker = service.submit(num_inference_steps=1_000)
    ranks = working_gang(service, blocker)
    moving = service.submit(seed=11, num_inference_steps=STEPS)
    service.at_step(moving, 10)
    assert shapes_used(service, moving) == ["1"], "it begins on what is free"
    service.http.post(f"/v1/videos/{blocker}/cancel")
    latents = keep_latents(service, [moving], tmp_path)
    job = service.finish(moving)
    assert job["status"] == "completed", job
    assert shapes_used(service, moving) == ["1", "tp2"]
    steps = service.steps(moving)
    assert steps[-1].pid == ranks[0]
    assert [step.step for step in steps] == list(range(1, STEPS + 1)), "no step is made twice"
    history = [(note["what"], note["reason"]) for note in job["decision"]["history"]]
    assert history[1:3] == [("started", "paid"), ("suspended", "larger_gang")], history
    assert [what for what, _ in history] == ["admitted", "started", "suspended", "resumed"]
    whole = service.submit(seed=11, num_inference_steps=STEPS)
    latents |= keep_latents(service, [whole], tmp_path)
    assert service.finish(whole)["status"] == "completed"
    assert shapes_used(service, whole) == ["tp2"]
    one, two = (frames_of(latents[each], STEPS) for each in (whole, moving))
    assert psnr(one, two) >= 50.0
