"""Multipart forms as nested values: texts, files, and one level of `name[key]` or `name[]`."""

import re
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from serve.gateway.errors import ApiError

MAX_PARTS = 64
BRACKETED = re.compile(r"([^\[\]]+)\[([^\[\]]*)\]")

Value = str | bytes
Form = dict[str, Value | dict[str, Value] | list[Value]]
"""Texts are `str`; what was sent as a file is `bytes`."""


@dataclass(slots=True)
class _Part:
    """One part on its way in; `data` grows by chunks."""

    disposition: bytes = b""
    data: bytearray = field(default_factory=bytearray)


class _Collector:
    """Receives the parser's callbacks: a header's name and value may come in pieces."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.ended = False
        self._name = b""
        self._value = b""

    def on_part_begin(self) -> None:
        if len(self.parts) == MAX_PARTS:
            raise _invalid(f"it has more than {MAX_PARTS} parts")
        self.parts.append(_Part())

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def on_header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self.parts[-1].disposition = self._value
        self._name = self._value = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].data += memoryview(data)[start:end]

    def on_end(self) -> None:
        self.ended = True


def read_form(content_type: str, body: bytes) -> Form:
    """The fields of a multipart body; raises `ApiError` (400) for anything that is not one."""
    form: Form = {}
    for part in _parts(content_type, body):
        name, value = _named_value(part)
        if value is None:
            continue
        if bracketed := BRACKETED.fullmatch(name):
            outer, inner = bracketed.groups()
            _put(form, outer, inner, value)
        elif name in form:
            raise _twice(name)
        else:
            form[name] = value
    return form


def _put(form: Form, outer: str, inner: str, value: Value) -> None:
    """`name[key]` is a value of an object, `name[]` one more of a list."""
    nested = form.setdefault(outer, {} if inner else [])
    if inner and isinstance(nested, dict) and inner not in nested:
        nested[inner] = value
    elif not inner and isinstance(nested, list):
        nested.append(value)
    else:
        raise _twice(outer)


def _parts(content_type: str, body: bytes) -> list[_Part]:
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise _invalid("the Content-Type names no boundary")
    collector = _Collector()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": collector.on_part_begin,
                "on_header_field": collector.on_header_field,
                "on_header_value": collector.on_header_value,
                "on_header_end": collector.on_header_end,
                "on_part_data": collector.on_part_data,
                "on_end": collector.on_end,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _invalid("it does not follow its own boundary") from error
    if not collector.ended:
        raise _invalid("its closing boundary is missing")
    return collector.parts


def _named_value(part: _Part) -> tuple[str, str | bytes | None]:
    """Name and value; None for a file field in which nobody chose a file."""
    _, options = parse_options_header(part.disposition.decode("latin-1"))
    filename = options.get(b"filename")
    try:
        name = options[b"name"].decode()
        if filename is None:
            return name, part.data.decode()
    except KeyError:
        raise _invalid("a part has no name") from None
    except UnicodeDecodeError:
        raise _invalid("a text in it is not UTF-8") from None
    if not filename and not part.data:
        return name, None
    return name, bytes(part.data)


def _invalid(why: str) -> ApiError:
    return ApiError(400, "invalid_multipart", f"The multipart body cannot be read: {why}.")


def _twice(name: str) -> ApiError:
    message = f"The field `{name[:64]}` is given more than once."
    return ApiError(400, "duplicate_field", message, param=name[:64])
