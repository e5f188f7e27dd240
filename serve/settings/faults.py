"""What is wrong with the settings, in one line: where it stands, and what would be right."""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

PREFIX = "FILMGATE_"
Location = tuple[int | str, ...]
Keys = tuple[str, ...]


class SettingsError(Exception):
    """The settings are wrong; each line of the message says where, and what would be right."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the values came from: a file, if any, and what the environment said."""

    file: Path | None
    variables: dict[str, Any]

    def of(self, location: Location) -> str:
        """`FILMGATE_HTTP__PORT`, or `http.port in filmgate.yaml`."""
        value: Any = self.variables
        for depth, key in enumerate(location):
            if not isinstance(value, dict) or key not in value:
                break
            value = value[key]
            if not isinstance(value, dict):
                inner = _dotted(location) if len(location) > depth + 1 else ""
                return _variable(map(str, location[: depth + 1])) + (inner and f", {inner}")
        if not location:
            return str(self.file or "the settings")
        return _dotted(location) + (f" in {self.file}" if self.file else "")


def check_variables(tree: type[BaseModel], names: Iterable[str]) -> None:
    """Raise `SettingsError` for the first `FILMGATE_` variable that names nothing in `tree`."""
    paths = dict(keys_of(tree))
    for name in sorted(names):
        if not name.upper().startswith(PREFIX):
            continue
        keys = tuple(name[len(PREFIX) :].lower().split("__"))
        if keys in paths:
            continue
        for length in range(1, len(keys)):
            if (field := paths.get(keys[:length])) and section_of(field) is None:
                whole = _variable(keys[:length])
                raise SettingsError(f"{name}: {whole} takes one value; a list is given as JSON")
        nearest = _nearest(keys, paths)
        hint = f": did you mean {_variable(nearest)}?" if nearest else ""
        raise SettingsError(f"unknown variable {name}{hint}")


def explain(error: ValidationError, tree: type[BaseModel], origin: Origin) -> str:
    """One line for each mistake."""
    return "\n".join(
        _unknown_key(fault["loc"], tree, origin)
        if fault["type"] == "extra_forbidden"
        else _bad_value(fault["loc"], fault["msg"], fault["input"], tree, origin)
        for fault in error.errors()
    )


def explain_variable(error: Exception) -> str:
    """One line for a variable whose text is not the JSON that its field needs."""
    field = re.search(r'field "(\w+)"', str(error))
    name = _variable([field[1]]) if field else "the environment"
    return f"{name}: lists and sections are given as JSON, and this is none"


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section that a field holds, if it holds one."""
    annotation = field.annotation
    return annotation if _is_section(annotation) else None


def _unknown_key(location: Location, tree: type[BaseModel], origin: Origin) -> str:
    keys = tuple(key for key in location if isinstance(key, str))
    nearest = _nearest(keys, dict(keys_of(tree, into_lists=True)))
    hint = f": did you mean `{'.'.join(nearest)}`?" if nearest else ""
    return f"unknown key {origin.of(location)}{hint}"


def _bad_value(
    location: Location, message: str, value: Any, tree: type[BaseModel], origin: Origin
) -> str:
    what = message.removeprefix("Value error, ")
    field = dict(keys_of(tree, into_lists=True)).get(
        tuple(key for key in location if isinstance(key, str))
    )
    tell = field is not None and field.repr and isinstance(value, str | int | float)
    return f"{origin.of(location)}: {what[0].lower()}{what[1:]}" + (
        f", not {value!r}" if tell else ""
    )


def keys_of(
    tree: type[BaseModel], above: Keys = (), *, into_lists: bool = False
) -> Iterator[tuple[Keys, FieldInfo]]:
    """Every key of the tree with its field; `into_lists` adds the keys of a list's entries."""
    for name, field in tree.model_fields.items():
        keys = (*above, name)
        yield keys, field
        section = section_of(field)
        if section is None and into_lists:
            section = next(filter(_is_section, get_args(field.annotation)), None)
        if section is not None:
            yield from keys_of(section, keys, into_lists=into_lists)


def _is_section(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _nearest(keys: Keys, known: Iterable[Keys]) -> Keys | None:
    """The known path that `keys` most likely means: a misspelt one, or one in another section."""
    by_text = {".".join(path): path for path in known}
    wanted = ".".join(keys)
    siblings = [text for text, path in by_text.items() if path[:-1] == keys[:-1]]
    for candidates, cutoff in ((siblings, 0.75), (list(by_text), 0.75)):
        if found := difflib.get_close_matches(wanted, candidates, 1, cutoff):
            return by_text[found[0]]
    by_leaf = {path[-1]: path for path in by_text.values()}
    found = difflib.get_close_matches(keys[-1], by_leaf, 1, 0.75)
    return by_leaf[found[0]] if found else None


def _dotted(location: Location) -> str:
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in location)
    return text.removeprefix(".")


def _variable(keys: Iterable[str]) -> str:
    return PREFIX + "__".join(key.upper() for key in keys)
