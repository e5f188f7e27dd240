"""Where the embedded checkpoint lies, put there the first time somebody needs it."""

import fcntl
import importlib
import shutil
import tempfile
from pathlib import Path

BUILDER = "pipelines.embedded.untrained"
"""Imported only to build: whoever finds the checkpoint in its place needs no torch."""


def ensure_embedded(folder: Path, seed: int = 0) -> Path:
    """The embedded checkpoint in `folder`, built there first if need be; returns `folder`.

    Several processes may call this at once: one builds, the others wait, and no one ever sees a
    half-built folder.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            importlib.import_module(BUILDER).build(draft, seed)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder
