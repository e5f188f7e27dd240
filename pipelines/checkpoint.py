"""A model on disk or on the hub: its family, its limits, and its files fetched stage by stage.

A checkpoint may state its own capabilities in `filmgate.json` beside `model_index.json`, where they
differ from its family's:

    {
      "limits": {"sizes": [[96, 96]], "default_frames": 17, "default_steps": 12},
      "max_sequence_length": 32,
      "guiders": {"guider": {}, "audio_guider": {"guidance_scale": 7.0}},
      "encode_options": {"image_crf": 0}
    }

`limits` holds any fields of `ModelLimits`. A guider named in `guiders` gets exactly the options
given there (a `guidance_scale` among them fixes its scale; otherwise the request's is used).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from huggingface_hub.utils.tqdm import disable_progress_bars

from pipelines.families.family import Configs, Family

INDEX_FILES = ("model_index.json", "modular_model_index.json")
STATED_FILE = "filmgate.json"
COMPONENT_FILES = ("*/config.json", "*/scheduler_config.json", "*/guider_config.json")
CONFIG_FILES = (*INDEX_FILES, STATED_FILE, *COMPONENT_FILES)
NEVER_FETCHED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.msgpack", "*.h5", "*.onnx", "*.gguf")
SAMPLES, SAMPLE_BYTES = 64, 4096


class CheckpointError(Exception):
    """A model's checkpoint cannot be used; the message says why and what to do."""


class UnsupportedCheckpoint(CheckpointError):
    """What the checkpoint holds is none of the model kinds that filmgate runs."""


class IncompleteCheckpoint(CheckpointError):
    """A component that a stage needs is missing from the checkpoint or cannot be loaded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a checkpoint's files come from: a folder, or a repository of the hub."""

    name: str
    folder: Path | None
    revision: str | None = None
    offline: bool = False

    def fetch(self, patterns: Iterable[str]) -> Path:
        """The folder that holds the files matching `patterns`, downloaded where need be."""
        if self.folder is not None:
            return self.folder
        disable_progress_bars()
        try:
            snapshot = snapshot_download(
                self.name,
                revision=self.revision,
                local_files_only=self.offline,
                allow_patterns=list(patterns),
                ignore_patterns=list(NEVER_FETCHED),
            )
        except LocalEntryNotFoundError as error:
            raise CheckpointError(
                f"{self.name} is not (completely) in the local cache and may not or cannot be "
                "downloaded: go online once, or name a local folder."
            ) from error
        except (HfHubHTTPError, HFValidationError, OSError) as error:
            raise CheckpointError(f"{self.name} cannot be fetched: {error}") from error
        return Path(snapshot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """An opened checkpoint: small JSON files read, weights not yet touched."""

    source: Source
    configs: Configs
    family: Family

    def fetch(self, components: Iterable[str]) -> Path:
        """The folder in which the components' own folders lie."""
        return self.source.fetch([*CONFIG_FILES, *(f"{name}/*" for name in components)])

    def fingerprint(self, components: Iterable[str]) -> str:
        """Digest of the components' configuration and weights, from samples spread over each file.

        Training or replacing weights changes it, also when names and sizes stay; a copy does not.
        """
        folder, digest = self.fetch(components), hashlib.sha256()
        for name in sorted(components):
            for path in sorted((folder / name).iterdir()):
                if path.suffix in {".json", ".safetensors"}:
                    digest.update(f"{name}/{path.name}:{path.stat().st_size}\n".encode())
                    digest.update(_sample(path))
        return digest.hexdigest()[:32]


def _sample(path: Path) -> bytes:
    """Up to SAMPLES blocks of SAMPLE_BYTES, evenly spread: 256 KiB of a file of any size."""
    size = path.stat().st_size
    if size <= SAMPLES * SAMPLE_BYTES:
        return path.read_bytes()
    blocks = []
    with path.open("rb") as file:
        for number in range(SAMPLES):
            file.seek((size - SAMPLE_BYTES) * number // (SAMPLES - 1))
            blocks.append(file.read(SAMPLE_BYTES))
    return b"".join(blocks)
