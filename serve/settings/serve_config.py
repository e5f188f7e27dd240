"""The settings in a Serve config: `args` are a settings file, with less in it.

Serve writes `args` into its log and shows them to everybody who may look at its dashboard, so
secrets are not among them. It listens by itself, on a cluster that is there already, and on all
interfaces, so what says otherwise is not among them either.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from serve.settings.faults import PREFIX, Keys, SettingsError, keys_of
from serve.settings.tree import Settings, load

INSTEAD: Mapping[Keys, str] = {
    ("http", "host"): "write http_options.host beside the applications",
    ("http", "port"): "write http_options.port beside the applications",
    ("http", "open_access"): "every request needs a key here (filmgate keys create)",
    ("ray", "address"): "the cluster is the one that this config is deployed on",
    ("ray", "num_cpus"): "say it where the nodes are started",
    ("ray", "object_store_bytes"): "say it where the nodes are started",
}
SECRETS = frozenset(keys for keys, field in keys_of(Settings) if not field.repr)


def read_args(args: dict[str, Any]) -> Settings:
    """`args` under the environment and over the defaults. Raises `SettingsError`."""
    for keys in _said(args):
        dotted, variable = ".".join(keys), PREFIX + "__".join(keys).upper()
        if instead := INSTEAD.get(keys):
            raise SettingsError(f"{dotted} in args means nothing in a Serve config: {instead}")
        if keys in SECRETS:
            raise SettingsError(
                f"{dotted} in args: Serve writes args into its log, so give this as {variable} "
                "in the environment of every node"
            )
    settings = load(args)
    if settings.database_url.startswith("sqlite"):
        raise SettingsError(
            "database.url: SQLite cannot be shared by the nodes of a cluster; set "
            "FILMGATE_DATABASE__URL in the environment of every node, such as "
            "postgresql+asyncpg://user:password@host/filmgate"
        )
    if settings.artifacts.url is None and "data_dir" not in settings.model_fields_set:
        raise SettingsError(
            "artifacts.url: all nodes must see the same clips; set it to a bucket, or data_dir to "
            "a folder that all nodes share"
        )
    # A variable may stand in the environment for the commands, and means nothing here.
    shut = settings.http.model_copy(update={"open_access": False})
    return settings.model_copy(update={"http": shut})


def _said(args: dict[str, Any], above: Keys = ()) -> Iterator[Keys]:
    for name, value in args.items():
        yield (*above, str(name))
        if isinstance(value, dict):
            yield from _said(value, (*above, str(name)))
