"""The settings: one immutable tree, read once from a YAML file and `FILMGATE_` variables."""

from serve.settings.faults import SettingsError
from serve.settings.tree import ClientSettings, Settings, child_environment, load, load_client

__all__ = [
    "ClientSettings",
    "Settings",
    "SettingsError",
    "child_environment",
    "load",
    "load_client",
]
