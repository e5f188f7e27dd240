"""filmgate as the dev overlay has it, on a cluster of this machine."""

import contextlib
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.integration.cluster.nodes import HERE, Cluster
from tests.integration.service.running import free_port
from tests.integration.service.served import Served, until

OVERLAY = Path(__file__).parents[3] / "k8s" / "overlays" / "dev" / "serve-config.yaml"
MODEL = "filmgate-tiny"


class Deployed(Served):
    """The overlay's own Serve config, but for places of this machine and what makes tests short."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        port = free_port()
        self.config = yaml.safe_load(OVERLAY.read_text())
        self.config["http_options"] = {"host": HERE, "port": port}
        self.args["data_dir"] = str(cluster.folder / "data")
        self.args["log"]["level"] = "DEBUG"  # every step, to count them
        self.args["jobs"] = {"checkpoint_every_s": 0.5}
        self.args["artifacts"] = {"min_free_bytes": 0}
        self.args["models"][0]["max_steps"] = 1000
        self.http = httpx.Client(base_url=f"http://{HERE}:{port}", timeout=30)

    @property
    def args(self) -> dict[str, Any]:
        (application,) = self.config["applications"]
        return dict(application)["args"]  # type: ignore[no-any-return]

    def changed(self, section: str, **values: Any) -> dict[str, Any]:
        """The config with other settings in a section."""
        config = copy.deepcopy(self.config)
        (application,) = config["applications"]
        application["args"].setdefault(section, {}).update(values)
        return dict(config)

    def use_key(self, key: str) -> None:
        self.http.headers["Authorization"] = f"Bearer {key}"

    def until_ready(self) -> None:
        """Wait until clips can be made."""

        def ready() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return self.http.get("/readyz").status_code == 200
            return False

        until(ready, "the service to be ready")

    def log_files(self) -> Iterator[Path]:
        yield from (self._cluster.folder / "session_latest" / "logs").rglob("*")
