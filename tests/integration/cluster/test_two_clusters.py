"""A service moves from one cluster to the next, as KubeRay upgrades it: both have one database."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.cluster.deployed import Deployed
from tests.integration.cluster.nodes import WORKER, Cluster
from tests.integration.service.served import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
STEPS = 300


@pytest.fixture
def next_cluster(database: str) -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="fg-") as folder:
        cluster = Cluster(Path(folder), {"FILMGATE_DATABASE__URL": database})
        try:
            yield cluster
        finally:
            cluster.stop()


def epoch(deployed: Deployed) -> int:
    """Of the newest Scheduler that this cluster has had."""
    told = (str(line.get("message")).split() for line in deployed.log_lines())
    return max(int(words[2]) for words in told if words[:2] == ["scheduler", "epoch"])


def test_jobs_move_to_the_next_cluster_and_back(deployed: Deployed, next_cluster: Cluster) -> None:
    job_id = deployed.submit(num_inference_steps=STEPS)
    first = epoch(deployed)
    next_cluster.start_head()
    next_cluster.start_worker(**WORKER)
    following = Deployed(next_cluster)
    following.http.headers.update(deployed.http.headers)
    following.args["data_dir"] = deployed.args["data_dir"]
    next_cluster.deploy(following.config)
    next_cluster.reaches("RUNNING")
    following.until_ready()
    assert epoch(following) > first

    # Whoever takes it, the newer cluster makes it; and the older one leaves it alone.
    ids = [
        job_id,
        deployed.submit(num_inference_steps=20),
        following.submit(num_inference_steps=20),
    ]
    for each in ids:
        assert following.finish(each, every_s=0.5)["status"] == "completed"
    assert {step.pid for step in following.steps(ids[1])}, "made by the newer cluster"
    assert not deployed.steps(ids[1])
    assert {s.step for s in (*deployed.steps(job_id), *following.steps(job_id))} == set(
        range(1, STEPS + 1)
    )
    assert epoch(following) == 1 + first, "no Scheduler was replaced again"

    (node,) = next_cluster.workers
    next_cluster.kill(node)
    last = deployed.submit(num_inference_steps=20)
    until(lambda: deployed.job(last)["status"] == "completed", "the older cluster to go on")
    assert deployed.steps(last)
