"""The Dockerfiles, read: nothing here can build them."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = ("Dockerfile", "Dockerfile.cpu")
VERSION = re.compile(r"[a-z0-9./-]+:\d+\.\d+\.\d+[\w.-]*")


def instructions(text: str) -> list[tuple[str, str]]:
    """(FROM, what follows) and so on; lines that a backslash joins are one."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [(word, rest) for line in joined if line for word, _, rest in [line.partition(" ")]]


def faults(text: str) -> list[str]:
    found = instructions(text)
    last = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    ran = " && ".join(rest for word, rest in found[last:] if word == "RUN")
    return [*_of_origin(found), *_of_user(found[last:]), *_of_content(ran), *_of_size(ran)]


def _of_origin(found: list[tuple[str, str]]) -> Iterator[str]:
    for base in (rest.split()[0] for word, rest in found if word == "FROM"):
        if not VERSION.fullmatch(base):
            yield f"FROM {base}: name a version, to the last number"
    if any(word == "ADD" for word, _ in found):
        yield "ADD fetches and unpacks: use COPY"
    if re.search(r"--(extra-)?index-url|https?://", "\n".join(rest for _, rest in found)):
        yield "where packages come from is up to the pip configuration"


def _of_user(final: list[tuple[str, str]]) -> Iterator[str]:
    users = [rest for word, rest in final if word == "USER"]
    if not users or users[-1].partition(":")[0] in ("", "0", "root"):
        yield "the image runs as root"


def _of_content(ran: str) -> Iterator[str]:
    for tool in ("bash", "wget"):
        if not re.search(rf"apt-get install[^&]*\b{tool}\b", ran):
            yield f"no {tool}, which KubeRay's probes call"
    if not re.search(r"pip install[^&]*\.whl", ran):
        yield "the wheel is not installed, and Serve's controller cannot import the policy"


def _of_size(ran: str) -> Iterator[str]:
    if "apt-get install" in ran and "rm -rf /var/lib/apt/lists/*" not in ran:
        yield "apt's lists stay in the layer"
    if any("pip install" in part and "--no-cache-dir" not in part for part in ran.split("&&")):
        yield "pip's cache stays in the layer"


@pytest.mark.parametrize("name", FILES)
def test_it_is_as_it_should_be(name: str) -> None:
    assert faults((ROOT / name).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", FILES)
def test_it_finds_what_to_install(name: str) -> None:
    """The one line of Python in it, run."""
    text = (ROOT / name).read_text(encoding="utf-8")
    (line,) = re.findall(r'python -c "(.+)" >', text)
    made = subprocess.run(
        [sys.executable, "-c", line], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wanted = made.stdout.split("\n")
    assert {"ray[serve]>=2.60,<2.61", "asyncpg>=0.30"} <= set(wanted)
    assert any(one.startswith("nvidia-ml-py") for one in wanted) == (name == "Dockerfile")


@pytest.mark.parametrize("name", FILES)
def test_it_copies_what_the_context_has(name: str) -> None:
    """.dockerignore leaves out all but what is named there."""
    context = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    text = (ROOT / name).read_text(encoding="utf-8")
    copies = [rest for word, rest in instructions(text) if word == "COPY" and "--from" not in rest]
    copied = {part for rest in copies for part in rest.split()[:-1]}
    assert copied == {line[1:] for line in context if line.startswith("!")}
    assert all((ROOT / part).exists() for part in copied)


PLANTED = {
    "FROM python:3.11.9-slim-bookworm\n": ("FROM python:latest\n", "FROM python:latest"),
    "USER 1000:1000": ("USER root", "runs as root"),
    "COPY constraints.txt": ("ADD constraints.txt", "use COPY"),
    "bash wget": ("bash", "no wget"),
    "/wheels/filmgate-*.whl": ("filmgate", "the wheel is not installed"),
    " && rm -rf /var/lib/apt/lists/*": ("", "apt's lists"),
    "--no-cache-dir --requirement": ("--requirement", "pip's cache"),
    "--no-index --no-deps": ("--index-url there", "up to the pip configuration"),
}


@pytest.mark.parametrize("before", PLANTED)
def test_a_planted_error(before: str) -> None:
    after, said = PLANTED[before]
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n   ", "")
    assert before in text
    assert any(said in fault for fault in faults(text.replace(before, after)))
