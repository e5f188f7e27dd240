"""Free space and sweeping in a local folder."""

import os
import shutil
from pathlib import Path

from serve.artifacts.local_folder import free_bytes, sweep_staging


def test_free_space_is_known_before_the_folder_exists(tmp_path: Path) -> None:
    total = shutil.disk_usage(tmp_path).total
    assert 0 < free_bytes(tmp_path / "not" / "yet" / "there") <= total
    assert 0 < free_bytes(Path("relative-and-not-there")) <= total


def test_a_sweep_spares_whole_objects_and_young_remains(tmp_path: Path) -> None:
    names = ("a/video.mp4", "a/video.mp4#1", "a/b/input#12", "c/latents#1", "c/notes#x")
    for number, name in enumerate(names):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        os.utime(path, (100 + number, 100 + number))
    assert sweep_staging(tmp_path, written_before=103) == 2
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert left == {"a", "a/video.mp4", "c", "c/latents#1", "c/notes#x"}


def test_a_sweep_for_a_deletion_spares_no_remains(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "input#1").write_bytes(b"x")
    assert sweep_staging(tmp_path / "job", written_before=None) == 1
    assert not (tmp_path / "job").exists()


def test_sweeping_what_is_not_there_does_nothing(tmp_path: Path) -> None:
    assert sweep_staging(tmp_path / "none", written_before=None) == 0
