"""docs/kubernetes.md speaks of what is there."""

import re
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
import yaml

from serve.accounts.remembered import KEPT_S
from tests.unit.k8s.assembling import Manifest, assembled, find
from tests.unit.k8s.placing import always, gpus
from tests.unit.k8s.pods import groups, pods, ray_service
from tests.unit.k8s.serve_config import config_of, settings_of

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")


def test_the_files_that_it_names_exist() -> None:
    named = set(re.findall(r"k8s/[\w./-]*\w|Dockerfile(?:\.\w+)?\b", TEXT))
    assert len(named) > 5
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_ten_commands_are_ten() -> None:
    section = TEXT.partition("## Ten commands")[2].partition("**To try it**")[0]
    block = re.sub(r"\\\n\s+", "", section)
    commands = re.findall(r"^    (?:docker|helm|kubectl) .*$", block, re.MULTILINE)
    assert len(commands) == 10
    assert "--for=condition=Ready" in commands[-2], "the last one asks a pod that must be there"


@pytest.mark.parametrize("assumed", ["pip.conf", "monitoring"])
def test_what_its_commands_assume_is_said(assumed: str) -> None:
    """A file that not everybody has, and a namespace that others name otherwise."""
    words = re.sub(r"^    .*$", "", TEXT, flags=re.MULTILINE)
    assert f"`{assumed}`" in words


@pytest.mark.parametrize("label", ["kuberay-system", "filmgate-access"])
def test_the_namespaces_that_it_names_are_let_in(prod: list[Manifest], label: str) -> None:
    policies = [one for one in prod if one["kind"] == "NetworkPolicy"]
    assert label in TEXT
    assert any(label in str(one) for one in policies)


def test_all_secrets_that_pods_want_are_told(prod: list[Manifest]) -> None:
    everywhere = [*pods(prod), *pods(assembled(ROOT / "k8s" / "fetch-weights"))]
    wanted = {
        (source["name"], source["key"])
        for pod in everywhere
        for container in pod.containers
        for variable in container.get("env", ())
        if (source := variable.get("valueFrom", {}).get("secretKeyRef"))
    }
    assert len(wanted) == 6
    assert {
        name for name, key in wanted if f"`{name}`" not in TEXT or f"`{key}`" not in TEXT
    } == set()


@pytest.mark.parametrize("where", ["169.254.170.23", "169.254.169.254"])
def test_it_says_which_roles_the_network_keeps_out(prod: list[Manifest], where: str) -> None:
    """A bucket by role asks for keys there, unless a token in a file says who it is."""
    spec = find(prod, "NetworkPolicy", "outside")["spec"]
    blocks = [
        to["ipBlock"] for rule in spec["egress"] for to in rule.get("to", ()) if "ipBlock" in to
    ]
    link_local = ip_network("169.254.0.0/16")
    assert any(str(link_local) in block["except"] for block in blocks)
    assert ip_address(where) in link_local
    assert where in TEXT
    assert where in (ROOT / "k8s" / "base" / "network.yaml").read_text(encoding="utf-8")


def test_it_says_how_links_of_alerts_find_the_runbooks() -> None:
    assert "python -m k8s --runbooks" in TEXT


def test_upgrades_go_by_the_steps_that_it_tells(prod: list[Manifest]) -> None:
    options = ray_service(prod)["spec"]["upgradeStrategy"]["clusterUpgradeOptions"]
    step, every_s = options["stepSizePercent"], options["intervalSeconds"]
    assert f"steps of {step} %, one each {every_s} s" in " ".join(TEXT.split())
    operating = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    assert f"{step} % each {every_s} s" in " ".join(operating.split())
    assert options["maxSurgePercent"] == 50, "as many GPUs as the next test has"
    assert find(prod, "Service", "filmgate")["spec"]["ports"][0]["port"] == 8000


def test_it_says_how_many_gpus_an_upgrade_needs(
    all_overlays: dict[str, list[Manifest]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FILMGATE_DATABASE__URL", "postgresql+asyncpg://someone@somewhere/filmgate")

    def needed(overlay: str, percent: float) -> float:
        service = ray_service(all_overlays[overlay])
        return gpus(service, always(service, settings_of(config_of(service)), percent))

    words = " ".join(TEXT.split())
    half = f"{needed('prod', 50):g} GPUs in prod or {needed('multi-model', 50):g} in multi-model"
    assert half in words
    assert f"({needed('prod', 100):g} GPUs more in prod)" in words


def test_its_command_for_growing_changes_the_gangs(prod: list[Manifest]) -> None:
    (at,) = re.findall(r"/spec/workerGroupSpecs/(\d)/maxReplicas", TEXT)
    named = re.search(r"Groups count from 0: ([^.]+), and", " ".join(TEXT.split()))
    assert named
    workers = [name for name in groups(ray_service(prod)) if name != "head"]
    assert re.findall(r"`([\w-]+)`", named[1]) == workers
    assert workers[int(at)] == "gang-4"


def test_envoy_is_told_to_let_streams_of_its_gateway_go_on(prod: list[Manifest]) -> None:
    """KubeRay makes the Gateway, of the class that we name, in the RayService's namespace."""
    path = ROOT / "k8s" / "envoy-gateway.yaml"
    objects = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    service, policy = ray_service(prod), find(objects, "BackendTrafficPolicy")
    options = service["spec"]["upgradeStrategy"]["clusterUpgradeOptions"]
    assert options["gatewayClassName"] == find(objects, "GatewayClass")["metadata"]["name"]
    (target,) = policy["spec"]["targetRefs"]
    assert (target["kind"], target["name"]) == ("Gateway", service["metadata"]["name"] + "-gateway")
    assert f"`{target['name']}`" in TEXT
    assert policy["metadata"]["namespace"] == service["metadata"]["namespace"]
    assert policy["spec"]["timeout"]["http"]["requestTimeout"] == "0s"


def test_changed_keys_are_told_by_the_number_that_gateways_know() -> None:
    section = TEXT.partition("**Keys during an upgrade**")[2].partition(
        "**Without GPUs to spare**"
    )[0]
    assert f"{KEPT_S:.0f} s" in section
