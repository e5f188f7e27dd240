"""`filmgate config`: the settings as they are in effect."""

import re
from typing import Any
from urllib.parse import urlsplit

import typer
import yaml
from pydantic import BaseModel

from serve.commands.options import Config
from serve.settings import load

MASK = "********"
config_app = typer.Typer(no_args_is_help=True, help="Look at the settings.")


@config_app.callback()
def about() -> None:
    """Look at the settings."""


@config_app.command()
def show(config: Config = None) -> None:
    """Print the settings in effect as YAML, with secrets masked."""
    print(yaml.safe_dump(masked(load(config)), sort_keys=False, allow_unicode=True), end="")


def masked(tree: BaseModel) -> dict[str, Any]:
    """The tree as plain values; fields marked as secret (`repr=False`) are made unreadable."""
    return {
        name: _masked(getattr(tree, name), secret=not field.repr)
        for name, field in type(tree).model_fields.items()
    }


def _masked(value: Any, *, secret: bool) -> Any:
    if isinstance(value, BaseModel):
        return masked(value)
    if isinstance(value, tuple):
        return [_masked(entry, secret=secret) for entry in value]
    if isinstance(value, dict):
        return {str(key): _masked(entry, secret=secret) for key, entry in value.items()}
    if secret and value is not None:
        return _without_password(str(value))
    return value if isinstance(value, int | float | None) else str(value)


def _without_password(text: str) -> str:
    """Of a URL only the password is a secret."""
    if "://" not in text:
        return MASK
    parts = urlsplit(text)
    host = parts.netloc.rpartition("@")[2]
    netloc = parts.netloc if parts.password is None else f"{parts.username}:{MASK}@{host}"
    query = re.sub(r"(^|&)(password)=[^&]*", rf"\1\2={MASK}", parts.query)
    return parts._replace(netloc=netloc, query=query).geturl()
