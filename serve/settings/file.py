"""A settings file: YAML in, plain values out to lay others over, or one line on what is wrong."""

from pathlib import Path
from typing import Any

import yaml

from serve.settings.faults import SettingsError

WORD = "tag:yaml.org,2002:str"
MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """Safe; keys are words, and each is there once (YAML itself would keep the last of two)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag not in (WORD, MERGE):
                raise yaml.MarkedYAMLError(
                    problem="a key must be a word", problem_mark=key.start_mark
                )
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"`{key.value}` is there twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return dict(super().construct_mapping(node, deep))


def read_settings_file(path: Path) -> dict[str, Any]:
    """The file's values; an empty file has none. Raises `SettingsError`."""
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise SettingsError(f"cannot read the settings file {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}{_where_and_why(error)}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: expected keys with values, such as `http: {{port: 8000}}`")
    return values


def merge(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    """Both, section by section; where both have a value, the one in `high`."""
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        sections = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = merge(dict(below or {}), value) if sections else value
    return merged


def _where_and_why(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f", line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return f": not YAML text ({str(error).splitlines()[0]})"
