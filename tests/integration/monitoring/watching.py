"""A real Prometheus in a process of its own, with the committed rules at a faster pace."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from k8s.alerts.files import RuleFiles, as_yaml
from k8s.alerts.rule import Pace
from tests.integration.service.running import free_port, until

COMMITTED = Path(__file__).parents[3] / "k8s" / "monitoring" / "prometheus.yaml"
PACE = Pace(times_faster=60)
"""A quarter of an hour of the rules is 15 s of the run."""
EVERY_S = 1
WINDOW = "10s"
"""Instead of Grafana's `$__rate_interval`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One series over time: its labels, and its values where it had one."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def changes(self) -> bool:
        return len({value for _, value in self.points}) > 1


class Prometheus:
    """What it has scraped and worked out."""

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, timeout=30, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def scraped_at(self) -> float:
        """Since when every target has been scraped again, in Unix seconds."""
        return min(self.now("timestamp(up == 1)").values(), default=0.0)

    def ready(self) -> bool:
        try:
            return self._http.get("/-/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def _ask(self, what: str, **asked: Any) -> Any:
        answer = self._http.get(f"/api/v1/{what}", params=asked)
        assert answer.status_code == 200, f"{asked}: {answer.text}"
        return answer.json()["data"]

    def now(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """Values by labels."""
        found = self._ask("query", query=expression)["result"]
        return {frozenset(one["metric"].items()): float(one["value"][1]) for one in found}

    def curves(self, expression: str, since: float, until_: float) -> list[Curve]:
        """What a panel over this time shows."""
        asked = {"query": expression, "start": since, "end": until_, "step": EVERY_S}
        found = self._ask("query_range", **asked)["result"]
        return [
            Curve(
                labels=one["metric"],
                points=tuple((float(at), float(value)) for at, value in one["values"]),
            )
            for one in found
        ]

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def alerts(self) -> list[dict[str, Any]]:
        """Those that fire."""
        return [one for one in self._ask("alerts")["alerts"] if one["state"] == "firing"]

    def targets(self) -> dict[str, str]:
        """The health of each job's target."""
        return {
            one["labels"]["job"]: one["health"] for one in self._ask("targets")["activeTargets"]
        }


def configuration(service: str, ray: Path) -> dict[str, Any]:
    """The committed one, with this run's addresses and pace."""
    config: dict[str, Any] = yaml.safe_load(COMMITTED.read_text())
    pace = {"scrape_interval": f"{EVERY_S}s", "evaluation_interval": f"{EVERY_S}s"}
    of_service, of_ray = config["scrape_configs"]
    of_service["static_configs"][0]["targets"] = [service]
    of_ray["file_sd_configs"][0]["files"] = [str(ray)]
    return {**config, "global": pace}


@contextmanager
def watching(program: Path, folder: Path, service: str, ray: Path) -> Iterator[Prometheus]:
    """Prometheus scraping `service` and Ray's nodes, which are listed in the file `ray`."""
    folder.mkdir()
    (folder / "filmgate.rules.yaml").write_text(as_yaml(RuleFiles(pace=PACE).groups()))
    (folder / "prometheus.yaml").write_text(as_yaml(configuration(service, ray)))
    address = f"127.0.0.1:{free_port()}"
    words = {
        "config.file": folder / "prometheus.yaml",
        "storage.tsdb.path": folder / "data",
        "web.listen-address": address,
    }
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [program, *(f"--{name}={value}" for name, value in words.items())],
            stdout=output,
            stderr=output,
        )
    try:
        found = Prometheus(f"http://{address}")
        until(found.ready, "Prometheus to be ready")
        yield found
        found.close()
    finally:
        process.terminate()
        process.wait(30)
