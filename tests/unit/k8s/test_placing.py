"""The worker groups have room for what the Serve config asks of them."""

from collections.abc import Callable

import pytest
from ray import serve as ray_serve

from serve.deployments.options import gateway_options, scheduler_options
from serve.pools import pools_of
from serve.settings import Settings
from tests.unit.k8s.assembling import Manifest
from tests.unit.k8s.placing import misplaced, nodes, options_of
from tests.unit.k8s.pods import groups, ray_service
from tests.unit.k8s.serve_config import config_of, settings_of


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILMGATE_DATABASE__URL", "postgresql+asyncpg://someone@somewhere/filmgate")


def settings(service: Manifest) -> Settings:
    return settings_of(config_of(service))


def test_everything_finds_a_pod(objects: list[Manifest]) -> None:
    service = ray_service(objects)
    assert misplaced(service, settings(service)) == []


def test_ranks_of_a_gang_share_a_pod(objects: list[Manifest]) -> None:
    found = settings(ray_service(objects))
    for pool in pools_of(found):
        strategy = options_of(pool, found).get("placement_group_strategy")
        assert strategy == ("STRICT_PACK" if pool.ranks > 1 else None)


@pytest.mark.filterwarnings("ignore:The `metrics_interval_s` field:DeprecationWarning")
def test_serve_takes_the_options(objects: list[Manifest]) -> None:
    """Such as ranks that fit their bundles: Serve would tell only when it deploys."""
    found = settings(ray_service(objects))
    for options in (
        gateway_options(found),
        scheduler_options(found),
        *(options_of(pool, found) for pool in pools_of(found)),
    ):
        assert ray_serve.deployment(**options)("any.module.Class").name == options["name"]


def test_gateways_are_on_as_many_pods_as_there_always_are(objects: list[Manifest]) -> None:
    service = ray_service(objects)
    http = settings(service).http
    if http.gateways_per_node:
        _, least = nodes(service, "min_workers")["control"]
        assert http.gateways <= least * http.gateways_per_node


def fewer_gpus(service: Manifest) -> None:
    limits = groups(service)["gang-4"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    limits["nvidia.com/gpu"] = "2"


def other_name(service: Manifest) -> None:
    groups(service)["decode"]["resources"] = {"decoders": "1"}


def fewer_pods(service: Manifest) -> None:
    groups(service)["gang-4"]["maxReplicas"] = 5


def fewer_cpus(service: Manifest) -> None:
    limits = groups(service)["encode"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    limits["cpu"] = "2"


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (fewer_gpus, "Denoiser-ltx-2-tp2-cfg2: no group has"),
        (other_name, "Decoder-ltx-2: no group has"),
        (fewer_cpus, "Encoder-ltx-2: no group has"),
        (fewer_pods, "Denoiser-ltx-2-tp2-cfg2: 5 of 6 find a pod"),
        (fewer_pods, "gpu_budget is 30, and groups end at 26"),
    ],
)
def test_a_planted_error(
    prod: list[Manifest], plant: Callable[[Manifest], None], said: str
) -> None:
    service = ray_service(prod)
    plant(service)
    assert any(found.startswith(said) for found in misplaced(service, settings(service)))
