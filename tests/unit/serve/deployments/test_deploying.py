"""Why the service does not come up: what a replica raised, in one line."""

from types import SimpleNamespace
from typing import Any

import pytest
from ray import serve as ray_serve
from ray.serve.schema import ApplicationStatus, DeploymentStatus, ServeDeploySchema

from serve.deployments import deploying
from serve.deployments.deploying import born_at, deploy, deploy_adapting, keep, kept, last_words
from serve.service import ServiceError
from serve.settings import Settings
from serve.settings.sections import Database

REFUSAL = "attention: flash cannot be used here (flash: not installed); auto and native can."
KEPT = Settings(database=Database(url="postgresql+asyncpg://filmgate:secret@host/filmgate"))
TOLD = f"""The deployment failed to start 3 times in a row. This may be due to a problem with its \
constructor or initial health check failing. See controller logs for details. Error:
ray::ServeReplica:filmgate:Denoiser-m-1.initialize_and_get_metadata() (pid=7, ip=127.0.0.1)
  File "replica.py", line 1409, in initialize
    raise RuntimeError(traceback.format_exc()) from None
RuntimeError: Traceback (most recent call last):
  File "denoiser.py", line 51, in __init__
    lambda: check_attention(
pipelines.tuning.attention.AttentionUnavailable: {REFUSAL}
"""


def failing(monkeypatch: pytest.MonkeyPatch, **deployments: tuple[DeploymentStatus, str]) -> None:
    def run(*_: Any, **__: Any) -> None:
        raise RuntimeError("Deploying application filmgate failed: a deployment is unhealthy.")

    overviews = {
        name: SimpleNamespace(status=status, message=message)
        for name, (status, message) in deployments.items()
    }
    found = {"filmgate": SimpleNamespace(deployments=overviews)} if overviews else {}
    monkeypatch.setattr(ray_serve, "run", run)
    monkeypatch.setattr(ray_serve, "status", lambda: SimpleNamespace(applications=found))


def test_the_replicas_last_words_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(
        monkeypatch,
        Gateway=(DeploymentStatus.HEALTHY, ""),
        Denoiser=(DeploymentStatus.DEPLOY_FAILED, TOLD),
        Encoder=(DeploymentStatus.UPDATING, "on its way"),
    )
    with pytest.raises(ServiceError) as refused:
        deploy(object(), name="filmgate", logs="/tmp/logs")
    assert str(refused.value) == (
        f"Denoiser does not start: AttentionUnavailable: {REFUSAL} (the replicas' logs: /tmp/logs)"
    )


def test_without_a_replica_to_blame_serves_own_words_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(monkeypatch)
    with pytest.raises(ServiceError, match="Deploying application filmgate failed: a deployment"):
        deploy(object(), name="filmgate", logs="/tmp/logs")


class Client:
    """Serve's, which deploys what a config says; the application comes to `ends`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *statuses: ApplicationStatus) -> None:
        self.configs: list[ServeDeploySchema] = []
        self.store: dict[str, str] = {}
        self.deploy_apps = self.configs.append
        self.wait_for_proxies_serving = lambda: None
        applications = [
            {}
            if status is None
            else {
                "filmgate": SimpleNamespace(
                    status=status,
                    message="",
                    deployments={
                        "Denoiser": SimpleNamespace(
                            status=DeploymentStatus.DEPLOY_FAILED, message=TOLD
                        )
                    },
                )
            }
            for status in (None, None, *statuses, statuses[-1])
        ]
        answers = iter(applications)
        monkeypatch.setattr(deploying, "_get_global_client", lambda: self)
        monkeypatch.setattr(deploying, "_internal_kv_put", self.put)
        monkeypatch.setattr(deploying, "_internal_kv_get", lambda key, **_: self.store[key])
        monkeypatch.setattr(deploying, "LOOK_EVERY_S", 0.0)
        monkeypatch.setattr(
            ray_serve, "status", lambda: SimpleNamespace(applications=next(answers))
        )

    def put(self, key: str, value: str, overwrite: bool = True, *, namespace: str) -> None:
        if overwrite or key not in self.store:
            self.store[key] = value


def adapting() -> None:
    args = keep(KEPT, "filmgate")
    deploy_adapting("a:b", args, policy="c.d:E", name="filmgate", logs="/tmp/logs")


def test_a_policy_is_given_with_a_config_that_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = Client(monkeypatch, ApplicationStatus.DEPLOYING, ApplicationStatus.RUNNING)
    adapting()
    (config,) = client.configs
    (application,) = config.applications
    assert application.autoscaling_policy == {"policy_function": "c.d:E"}
    assert application.import_path == "a:b"
    assert "secret" not in str(config)
    assert kept(application.args) == KEPT
    assert kept({"data_dir": "x"}) is None


def test_a_cluster_keeps_the_time_of_its_first_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    Client(monkeypatch, ApplicationStatus.RUNNING)
    assert [born_at(now) for now in (100.0, 200.0)] == [100.0, 100.0]


def test_other_applications_are_not_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(monkeypatch, ApplicationStatus.RUNNING)
    others = SimpleNamespace(applications={"theirs": None})
    monkeypatch.setattr(ray_serve, "status", lambda: others)
    with pytest.raises(ServiceError, match="Ray Serve runs theirs on this cluster already"):
        adapting()
    assert client.configs == []


def test_a_replica_that_keeps_an_adapting_service_from_starting_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Client(monkeypatch, ApplicationStatus.DEPLOYING, ApplicationStatus.DEPLOY_FAILED)
    with pytest.raises(ServiceError, match="Denoiser does not start: AttentionUnavailable"):
        adapting()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (TOLD, f"AttentionUnavailable: {REFUSAL}"),
        ("ValueError: a\n\nDuring handling ...\n\na.b.Late: c\n", "Late: c"),
        ("Traceback:\n  File x\nAssertionError\n\n", "AssertionError"),
        ("RuntimeError: Traceback (most recent call last):\n  File x\nStop\n", "Stop"),
        ("", "no reason was given"),
    ],
)
def test_the_last_exception_of_a_traceback_counts(said: str, words: str) -> None:
    assert last_words(said) == words
