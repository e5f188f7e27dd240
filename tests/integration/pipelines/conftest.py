"""Tiny checkpoints built once a session, one torch thread, and the clips to make of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from pipelines.checkpoint import Checkpoint
from pipelines.registry import open_checkpoint
from pipelines.spec import ClipRequest, ClipSpec, resolve
from tests.checkpoints import build_checkpoint

Open = Callable[[str], Checkpoint]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Equal numbers need equal reductions; and tiny layers gain nothing from threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of the tiny checkpoint of a kind."""
    root = tmp_path_factory.mktemp("checkpoints")

    def find(kind: str) -> Path:
        folder = root / kind
        return folder if folder.is_dir() else build_checkpoint(kind, folder)

    return find


@pytest.fixture(scope="session")
def opened(folder_of: Callable[[str], Path]) -> Open:
    """The opened tiny checkpoint of a kind."""
    return lambda kind: open_checkpoint(str(folder_of(kind)))


@pytest.fixture
def picture() -> Image.Image:
    """A gradient of another shape than any clip."""
    red = Image.linear_gradient("L").resize((90, 70))
    return Image.merge("RGB", (red, red.rotate(90), red.rotate(180)))


@pytest.fixture
def clip() -> Callable[..., ClipSpec]:
    """The spec of a clip of a checkpoint; keyword arguments as in `ClipRequest`."""

    def make(checkpoint: Checkpoint, **asked: object) -> ClipSpec:
        request = ClipRequest(prompt="a red ball bounces on white", **asked)  # type: ignore[arg-type]
        return resolve(request, checkpoint.family.limits, fresh_seed=7)

    return make
