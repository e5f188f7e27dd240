"""Server-sent events: lines in, events out. Pure."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

HEARTBEAT = "heartbeat"


def read_events(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(event, data) pairs; a comment is a `HEARTBEAT`, what is not a JSON object is left out."""
    name, data = "message", list[str]()
    for line in lines:
        if not line:
            facts = _facts("\n".join(data))
            if facts is not None:
                yield name, facts
            name, data = "message", []
        elif line.startswith(":"):
            yield HEARTBEAT, {}
        elif line.startswith("event:"):
            name = line.removeprefix("event:").strip()
        elif line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))


def _facts(data: str) -> dict[str, Any] | None:
    try:
        facts = json.loads(data)
    except ValueError:
        return None
    return facts if isinstance(facts, dict) else None
