"""A real Ray cluster of several nodes on this machine, started as KubeRay starts one."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.integration.service.running import free_port
from tests.integration.service.served import until

HERE = "127.0.0.1"
OBJECT_STORE_BYTES = 80_000_000
RAY = (sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats")
WORKER: dict[str, Any] = {"num_cpus": 4, "resources": {"gang": 2}}
"""Logical CPUs, and the resource to which the dev overlay pins gangs."""
QUICK_TO_SEE = {"RAY_health_check_period_ms": "500", "RAY_health_check_failure_threshold": "4"}
"""A dead node is given up after 2 s."""


class Node:
    """All processes of one `ray start`."""

    def __init__(self, words: Sequence[str], env: Mapping[str, str], output: Path) -> None:
        with output.open("ab") as file:
            self._process = subprocess.Popen(
                [*RAY, *words], env=dict(env), stdout=file, stderr=file, start_new_session=True
            )

    def processes(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(self._process.pid)
            return [first, *first.children(recursive=True)]
        return []

    def replicas(self, deployment: str) -> set[int]:
        """The processes of a deployment's replicas here."""
        found = set()
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if f"ServeReplica:filmgate:{deployment}" in " ".join(process.cmdline()):
                    found.add(process.pid)
        return found

    def kill(self) -> None:
        """kill -9 of everything."""
        everything = self.processes()
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(everything, timeout=30)
        self._process.wait(30)


class Cluster:
    """A head without CPUs, and workers that come and go. `variables` are those of every node."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._gcs, self._dashboard, token = free_port(), free_port(), os.urandom(16).hex()
        self._env = {
            **os.environ,
            **QUICK_TO_SEE,
            # Proxies of one machine would all listen on the head's port.
            "RAY_SERVE_WORKER_PROXY_HTTP_PORT": str(free_port()),
            **variables,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": token,
        }
        self._output = folder / "nodes.txt"
        self._nodes: list[Node] = []
        self.workers: list[Node] = []
        # Sockets are below it, and their paths must be short.
        self.folder = folder
        self._api = httpx.Client(
            base_url=f"http://{HERE}:{self._dashboard}/api/serve/applications/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )

    def start_head(self) -> None:
        """And wait until configs can be deployed."""
        self._start(
            *("--head", f"--port={self._gcs}", f"--dashboard-port={self._dashboard}"),
            *(f"--temp-dir={self.folder}", "--num-cpus=0", f"--dashboard-host={HERE}"),
        )
        until(self._answers, "the dashboard to answer")

    def start_worker(self, *, num_cpus: int, resources: Mapping[str, float]) -> Node:
        node = self._start(
            *(f"--address={HERE}:{self._gcs}", f"--num-cpus={num_cpus}"),
            f"--resources={json.dumps(resources)}",
        )
        self.workers.append(node)
        return node

    def kill(self, worker: Node) -> None:
        """As when its machine loses its power."""
        worker.kill()
        self.workers.remove(worker)

    def replicas(self, deployment: str) -> set[int]:
        """The processes of a deployment's replicas, wherever they are."""
        return set().union(*(worker.replicas(deployment) for worker in self.workers))

    def _start(self, *words: str) -> Node:
        """Ports are left to the system: nodes on one machine would want the same ones."""
        ports = ("dashboard-agent-listen", "metrics-export")
        node = Node(
            [
                *words,
                f"--node-ip-address={HERE}",
                f"--object-store-memory={OBJECT_STORE_BYTES}",
                *("--min-worker-port=0", "--max-worker-port=0"),
                *(f"--{port}-port={free_port()}" for port in ports),
            ],
            self._env,
            self._output,
        )
        self._nodes.append(node)
        return node

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return self._api.get("").status_code == 200
        return False

    def deploy(self, config: Mapping[str, Any]) -> None:
        """As `serve deploy` and KubeRay do."""
        answer = self._api.put("", json=config)
        assert answer.status_code == 200, answer.text

    def application(self) -> dict[str, Any]:
        """What Serve says of it, with its deployments and their replicas."""
        return dict(self._api.get("").json()["applications"].get("filmgate", {}))

    def reaches(self, status: str) -> dict[str, Any]:
        """Wait until the application has this status; what Serve says of it then."""

        def reached() -> dict[str, Any] | None:
            with contextlib.suppress(httpx.HTTPError):
                found = self.application()
                return found if found.get("status") == status else None
            return None

        return until(reached, f"the application to be {status}", every_s=0.5)

    def stop(self) -> None:
        """Leave no process behind."""
        for node in self._nodes:
            node.kill()
        self._api.close()
