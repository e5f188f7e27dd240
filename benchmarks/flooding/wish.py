"""A request for a clip, as it goes over the wire."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wish:
    """All bytes of one request."""

    raw: bytes


def wish(path: str, key: str, number: int) -> Wish:
    """Each has a prompt of its own, as those of different people have."""
    body = json.dumps(
        {"prompt": f"a red ball bounces on a blue floor, take {number}", "sound": True}
    ).encode()
    head = (
        f"POST {path}/v1/videos HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return Wish(head.encode() + body)
