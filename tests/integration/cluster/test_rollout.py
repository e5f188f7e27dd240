"""The dev overlay on a cluster: a clip outlives its node, and a changed config loses no job."""

import itertools

import httpx
import pytest

from tests.integration.cluster.deployed import MODEL, Deployed
from tests.integration.cluster.nodes import WORKER, Cluster
from tests.integration.service.served import Step, until

pytestmark = pytest.mark.timeout(900)
STEPS = 150
GANGS = f"Denoiser-{MODEL}-1"
UNPINNED = ("Gateway", "Scheduler", f"Encoder-{MODEL}", f"Decoder-{MODEL}")
EVERYTHING = (*UNPINNED, GANGS)


@pytest.fixture(scope="module")
def reference(deployed: Deployed) -> bytes:
    """The clip that an undisturbed run makes."""
    return clip(deployed, deployed.submit(seed=11, num_inference_steps=STEPS))


def clip(deployed: Deployed, job_id: str) -> bytes:
    job = deployed.finish(job_id, every_s=0.5)
    assert job["status"] == "completed", job
    return deployed.clip(job_id)


def check_steps(steps: list[Step], *, redone_at_most: int) -> None:
    """Every step was done, few of them twice, and never two at the same time."""
    assert {step.step for step in steps} == set(range(1, STEPS + 1))
    assert len(steps) - STEPS <= redone_at_most
    for before, after in itertools.pairwise(steps):
        assert before.ended_at <= after.began_at + 1e-3, "two steps of one job overlapped"


def test_nobody_gets_in_without_a_key(deployed: Deployed) -> None:
    """Who deploys a config serves on all interfaces, before any key exists."""
    answer = httpx.post(f"{deployed.http.base_url}/v1/videos", json={"prompt": "a red ball"})
    assert answer.status_code == 401, answer.text


def test_a_clip_outlives_the_node_that_makes_it(
    cluster: Cluster, deployed: Deployed, reference: bytes
) -> None:
    """With it go the gang, the Scheduler and the Gateway: the head has no room for any."""
    job_id = deployed.submit(seed=11, num_inference_steps=STEPS)
    deployed.at_step(job_id, STEPS // 2)
    (node,) = cluster.workers
    assert all(node.replicas(name) for name in EVERYTHING)
    cluster.kill(node)

    other = cluster.start_worker(num_cpus=4, resources={})
    until(lambda: all(other.replicas(name) for name in UNPINNED), "what may run on any node")
    replacement = cluster.start_worker(**WORKER)
    assert clip(deployed, job_id) == reference, "an interruption must not change the clip"
    assert replacement.replicas(GANGS)
    assert not other.replicas(GANGS), "gangs are pinned to nodes that have what they ask for"
    steps = deployed.steps(job_id)
    check_steps(steps, redone_at_most=STEPS // 4)
    assert len({step.pid for step in steps}) == 2


def test_a_wrong_config_changes_nothing_and_is_explained(
    cluster: Cluster, deployed: Deployed
) -> None:
    before = replicas(cluster)
    cluster.deploy(deployed.changed("jobs", retension_s=60))
    said = cluster.reaches("DEPLOY_FAILED")["message"]
    assert said.endswith("unknown key jobs.retension_s in args: did you mean `jobs.retention_s`?")
    job_id = deployed.submit(seed=1, num_inference_steps=2)
    clip(deployed, job_id)
    assert replicas(cluster) == before


def test_a_changed_config_rolls_out_and_no_job_is_lost(
    cluster: Cluster, deployed: Deployed, reference: bytes
) -> None:
    before = replicas(cluster)
    running = deployed.submit(seed=11, num_inference_steps=STEPS)
    waiting = [deployed.submit(seed=seed, num_inference_steps=20) for seed in range(4)]
    deployed.at_step(running, STEPS // 2)
    assert {deployed.job(job_id)["status"] for job_id in waiting} == {"queued"}
    cluster.deploy(deployed.changed("http", max_event_streams=7))
    cluster.reaches("RUNNING")
    assert not before & replicas(cluster), "every replica has the new settings"
    assert clip(deployed, running) == reference
    check_steps(deployed.steps(running), redone_at_most=STEPS // 4)
    assert all(clip(deployed, job_id) for job_id in waiting)


def replicas(cluster: Cluster) -> set[int]:
    """The processes of all replicas, each deployment having some."""

    def found() -> set[int] | None:
        each = [cluster.replicas(name) for name in EVERYTHING]
        return set().union(*each) if all(each) else None

    return until(found, "every deployment to have a replica")
