"""What only a local folder needs: free space, durable writes, sweeping up interrupted ones."""

import os
import re
import shutil
from pathlib import Path

STAGING_NAME = re.compile(r".+#\d+")
"""How obstore's local store names a file that is being written; listings leave these out."""


def free_bytes(folder: Path) -> int:
    """Free disk space for `folder`, which need not exist yet, in bytes."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def sweep_staging(folder: Path, *, written_before: float | None) -> int:
    """Remove half-written files below `folder`, and the folders that are empty then.

    A file last written at or after `written_before` (Unix seconds) stays: another process may be
    at it. None spares nothing: for what is to vanish anyway. Returns how many files went.
    """
    removed = 0
    for parent, _, names in os.walk(folder, topdown=False):
        for name in filter(STAGING_NAME.fullmatch, names):
            removed += _remove_file(Path(parent, name), written_before)
        _remove_if_empty(Path(parent))
    return removed


def make_durable(path: Path) -> None:
    """Have a renamed file and its name on the disk, so that a power cut cannot take them back.

    Rows that point to artifacts are committed just as durably, and always after this.
    """
    for place in (path, path.parent):
        try:
            descriptor = os.open(place, os.O_RDONLY)
        except FileNotFoundError:  # deleted just now
            return
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_file(path: Path, written_before: float | None) -> bool:
    try:
        if written_before is not None and path.stat().st_mtime >= written_before:
            return False
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _remove_if_empty(path: Path) -> None:
    try:
        path.rmdir()
    except OSError:
        return
