"""By what those are told apart who have no account."""

import pytest
from starlette.requests import Request

from serve.gateway.admission.origin import NOWHERE, origin_of


def origin(peer: str | None, *forwarded: str) -> str:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    client = (peer, 1_234) if peer is not None else None
    return origin_of(Request({"type": "http", "headers": headers, "client": client}))


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("8.8.8.8", (), "8.8.8.8"),
        ("8.8.8.8", ("9.9.9.9",), "8.8.8.8"),  # anybody may claim to be a proxy
        ("10.0.0.1", ("9.9.9.9",), "9.9.9.9"),
        ("10.0.0.1", ("6.6.6.6, 9.9.9.9",), "9.9.9.9"),
        ("127.0.0.1", ("6.6.6.6", "9.9.9.9"), "9.9.9.9"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("10.0.0.1", ("no address",), NOWHERE),
        ("2606:4700::1:2:3:4", (), "2606:4700::"),
        ("2606:4700::5:6:7:8", (), "2606:4700::"),
        ("::ffff:8.8.8.8", (), "8.8.8.8"),
        (None, (), NOWHERE),
        ("testclient", ("9.9.9.9",), "9.9.9.9"),
    ],
)
def test_the_nearest_address_that_nobody_can_make_up(
    peer: str | None, forwarded: tuple[str, ...], found: str
) -> None:
    assert origin(peer, *forwarded) == found
