"""Replicas of the right stage come and go under load, within the budget, and no job is lost.

Real Ray Serve and the real policy, with stages that sleep: a step takes 0.14 s, decoding 0.86 s.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.service.running import REHEARSE, Service, until

pytestmark = pytest.mark.timeout(900)
BUDGET = 3
SMALL = {"dtype": "float32", "gflops_per_s": 20.0}
SETTINGS: dict[str, Any] = {
    "models": [
        {
            **SMALL,
            "name": "awake",
            "decoder": {"max_replicas": 2},
            "gangs": [{"min": 1, "max": 8}],
        },
        {**SMALL, "name": "sleeper", "may_sleep": True, "gangs": [{"min": 0, "max": 1}]},
    ],
    "capacity": {
        "gpu_budget": BUDGET,
        "report_every_s": 0.5,
        "cold_start_s": 5.0,
        "drain_s": 10.0,
        "up_after_s": 0.5,
        "down_after_s": 2.0,
        "down_every_s": 1.0,
        "asleep_after_s": 2.0,
        "level_s": 5.0,
        "slope_s": 15.0,
    },
    "lease": {"period_s": 0.5, "timeout_s": 10.0},
    "artifacts": {"min_free_bytes": 0},
}
GANGS = "Denoiser-awake-1"
OF_SLEEPER = ("Encoder-sleeper", "Denoiser-sleeper-1", "Decoder-sleeper")
MANY_STEPS = {"model": "awake", "num_inference_steps": 24}
ONE_STEP = {"model": "awake", "num_inference_steps": 1}
BAD = re.compile(r"\b(ERROR|CRITICAL|Traceback)\b|Error:|Exception|WARNING")
SLOW_TO_START = "have taken more than 30s to"
"""What a busy machine makes Serve warn of."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("capacity"), SETTINGS, command=REHEARSE)
    service.start()
    yield service
    service.stop()


def has(service: Service, number: int, *deployments: str) -> None:
    """Wait until there are so many replicas of each."""

    def there() -> bool:
        return all(len(service.replicas(name)) == number for name in deployments)

    until(there, f"{number} of {', '.join(deployments)}", every_s=0.5)


def state_of(service: Service, model: str) -> str:
    return str(service.http.get(f"/v1/models/{model}").json()["state"])


def all_completed(service: Service, ids: list[str]) -> None:
    """Wait for each; there are never more gangs than the budget allows."""
    for job_id in ids:
        job = service.finish(job_id, every_s=0.5)
        assert job["status"] == "completed", job
        assert len(service.replicas(GANGS)) <= BUDGET


def controller_log(service: Service) -> list[str]:
    """What Serve's controller wrote, and what built the application for it."""
    files = [path for path in service.log_files() if path.name.startswith("controller_")]
    assert files
    return [line for path in files for line in path.read_text().splitlines()]


def test_replicas_come_and_go(service: Service) -> None:
    has(service, 1, GANGS, "Encoder-awake", "Decoder-awake")
    has(service, 0, *OF_SLEEPER)
    assert state_of(service, "sleeper") == "asleep"
    assert service.http.get("/readyz").status_code == 200

    ids = [service.submit(seed=n, **MANY_STEPS) for n in range(20)]
    has(service, BUDGET, GANGS)
    assert len(service.replicas("Encoder-awake")) == 1, "encoding takes next to no time"
    # This one wakes a model, once a gang of the other is idle: the budget is used up.
    ids.append(service.submit(model="sleeper"))
    all_completed(service, ids)

    ids = [service.submit(seed=n, **ONE_STEP) for n in range(25)]
    has(service, 2, "Decoder-awake")
    all_completed(service, ids)

    has(service, 1, GANGS, "Encoder-awake", "Decoder-awake")
    has(service, 0, *OF_SLEEPER)
    until(lambda: state_of(service, "sleeper") == "asleep", "the model to sleep again")


def test_the_controllers_log_is_clean_and_keeps_secrets(service: Service) -> None:
    lines = controller_log(service)
    assert any("autoscaling.serve_policy:CapacityPolicy" in line for line in lines)
    bad = [line for line in lines if BAD.search(line) and SLOW_TO_START not in line]
    assert bad == []
    (built,) = (line for line in lines if "Importing application" in line)
    assert built.endswith("with arguments {'kept': 'filmgate'}.")
