"""HTTP's conditional and range requests (RFC 9110), as far as clips need them. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import Final

SINGLE_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE | re.ASCII)


class NoSuchBytes(Exception):
    """A well-formed range that lies outside of the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What is there: its size, its strong validator (in quotes) and its last change (Unix s)."""

    size_bytes: int
    etag: str
    modified_at: float

    @property
    def last_modified(self) -> str:
        return formatdate(self.modified_at, usegmt=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Bytes [start, end)."""

    start: int
    end: int


def strong_etag(stored: str) -> str:
    """The store's validator as a strong HTTP one: objects here never change under their key."""
    return '"' + stored.removeprefix("W/").replace('"', "") + '"'


def is_known(headers: Mapping[str, str], content: Content) -> bool:
    """Whether the client holds this very content already: 304 is the answer then."""
    if (tags := headers.get("if-none-match")) is not None:
        held = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return "*" in held or content.etag in held
    if (since := headers.get("if-modified-since")) is not None:
        return _seconds(since) >= int(content.modified_at)
    return False


def wanted_span(headers: Mapping[str, str], content: Content) -> Span | None:
    """The part that is asked for; None for the whole.

    Several ranges at once, other units and what is no range at all are ignored, as the standard
    allows. Raises `NoSuchBytes` for a range outside of the content.
    """
    asked = SINGLE_RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if asked is None or not _range_applies(headers.get("if-range"), content):
        return None
    first, last = asked.groups()
    if not first:
        return _suffix(last, content.size_bytes)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= content.size_bytes:
        raise NoSuchBytes
    end = min(int(last) + 1, content.size_bytes) if last else content.size_bytes
    return Span(start=start, end=end)


def _suffix(length: str, size_bytes: int) -> Span | None:
    """`bytes=-500`: the last 500 bytes."""
    if not length:
        return None
    if int(length) == 0 or size_bytes == 0:
        raise NoSuchBytes
    return Span(start=max(0, size_bytes - int(length)), end=size_bytes)


def _range_applies(if_range: str | None, content: Content) -> bool:
    """Whether the client's earlier part is of this content; a weak validator never is."""
    if if_range is None:
        return True
    if if_range.startswith(('"', "W/")):
        return if_range.strip() == content.etag
    return _seconds(if_range) == int(content.modified_at)


def _seconds(date: str) -> int:
    """An HTTP date in Unix seconds; -1 for what is none."""
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (ValueError, TypeError, OverflowError, IndexError):
        return -1
