"""Where the artifacts are kept: settings in, an open store out."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from obstore.store import LocalStore, MemoryStore, S3Store

from serve.artifacts.object_store import ObjectArtifacts
from serve.settings.sections import Artifacts

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

LOCAL_FOLDER = "artifacts"


def open_artifacts(settings: Artifacts, data_dir: Path) -> ObjectArtifacts:
    """The bucket that the settings name, else the folder `artifacts` in the data folder."""
    if settings.url is None:
        return _open_folder(data_dir / LOCAL_FOLDER)
    return _open_bucket(settings, settings.url)


def in_memory_artifacts() -> ObjectArtifacts:
    """A store that lives and dies with this process; it behaves as the others do."""
    return ObjectArtifacts(MemoryStore())


def _open_folder(root: Path) -> ObjectArtifacts:
    store = LocalStore(root, mkdir=True, automatic_cleanup=True)
    return ObjectArtifacts(store, local_root=root)


def _open_bucket(settings: Artifacts, url: str) -> ObjectArtifacts:
    """Without a key in the settings, the library looks where AWS tools do (a pod's role, say)."""
    place = urlsplit(url)
    config: S3Config = {"region": settings.region, "virtual_hosted_style_request": False}
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=5),
        "timeout": timedelta(seconds=60),
    }
    retries: RetryConfig = {"max_retries": 5, "retry_timeout": timedelta(seconds=60)}
    if settings.endpoint is not None:
        config["endpoint"] = settings.endpoint
        client["allow_http"] = settings.endpoint.startswith("http://")
    if settings.access_key_id is not None and settings.secret_access_key is not None:
        config["access_key_id"] = settings.access_key_id
        config["secret_access_key"] = settings.secret_access_key
    store = S3Store(
        place.netloc,
        prefix=place.path.strip("/") or None,
        config=config,
        client_options=client,
        retry_config=retries,
    )
    return ObjectArtifacts(store)
