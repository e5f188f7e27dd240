"""From a hub, each stage fetches the files it needs, of one commit, and offline none at all."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "studio/tiny-wan"

OPEN = """
from pipelines.registry import open_checkpoint
checkpoint = open_checkpoint(sys.argv[1], offline=sys.argv[2] == "offline")
print(json.dumps([checkpoint.family.name, checkpoint.source.revision]))
"""
ENCODE = (
    OPEN
    + """
import torch
from pipelines.stages.encode import EncodeStage
EncodeStage.load(checkpoint, dtype=torch.float32)
"""
)


@dataclass
class Hub:
    """A repository of a hub, over HTTP; `served` are the paths of the files that were fetched."""

    folder: Path
    served: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str) -> tuple[bytes, dict[str, str]] | None:
        """Body and headers, or None for what is not there."""
        files = [p for p in sorted(self.folder.rglob("*")) if p.is_file()]
        names = [p.relative_to(self.folder).as_posix() for p in files]
        if path.startswith(f"/api/models/{REPO}/revision/"):
            siblings = [{"rfilename": name} for name in names]
            return _json({"id": REPO, "sha": COMMIT, "siblings": siblings})
        if path.startswith(f"/api/models/{REPO}/tree/"):
            sizes = [(n, p.stat().st_size) for n, p in zip(names, files, strict=True)]
            return _json([{"type": "file", "path": n, "size": s, "oid": n} for n, s in sizes])
        _, _, name = path.partition(f"/{REPO}/resolve/{COMMIT}/")
        if name not in names:
            return None
        body = (self.folder / name).read_bytes()
        etag = hashlib.sha256(body).hexdigest()
        return body, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'}


def _json(content: Any) -> tuple[bytes, dict[str, str]]:
    return json.dumps(content).encode(), {"Content-Type": "application/json"}


@pytest.fixture
def hub(folder_of: Callable[[str], Path]) -> Iterator[Hub]:
    hub = Hub(folder_of("wan-2.1-t2v"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._respond(with_body=True)

        def do_HEAD(self) -> None:
            self._respond(with_body=False)

        def _respond(self, *, with_body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            body, headers = hub.answer(path) or (b"", {"X-Error-Code": "EntryNotFound"})
            self.send_response(200 if hub.answer(path) else 404)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)
                if "/resolve/" in path:
                    hub.served.append(path.partition(f"{COMMIT}/")[2])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    yield hub
    server.shutdown()
    server.server_close()


def run(program: str, hub: Hub, home: Path, mode: str) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own: the hub's address and cache are read when it is imported."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(
        [sys.executable, "-c", "import json, sys\n" + program, REPO, mode],
        cwd=Path(__file__).parents[3],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )


def test_a_stage_fetches_its_own_files_and_then_works_offline(hub: Hub, tmp_path: Path) -> None:
    opened = run(OPEN, hub, tmp_path, "online")
    assert opened.returncode == 0, opened.stderr
    assert json.loads(opened.stdout) == ["wan-2.1-t2v", COMMIT]
    assert all(name.endswith(".json") for name in hub.served)
    assert "tokenizer/tokenizer.json" not in hub.served

    hub.served.clear()
    encoded = run(ENCODE, hub, tmp_path, "online")
    assert encoded.returncode == 0, encoded.stderr
    assert encoded.stderr == "", "no progress bars in a replica's log"
    assert {name.partition("/")[0] for name in hub.served} == {"text_encoder", "tokenizer"}
    assert any(name.endswith(".safetensors") for name in hub.served)

    hub.served.clear()
    offline = run(ENCODE, hub, tmp_path, "offline")
    assert offline.returncode == 0, offline.stderr
    assert hub.served == []


def test_offline_without_the_files_says_what_to_do(hub: Hub, tmp_path: Path) -> None:
    refused = run(OPEN, hub, tmp_path, "offline")
    assert refused.returncode != 0
    assert "go online once, or name a local folder" in refused.stderr
    assert hub.served == []
