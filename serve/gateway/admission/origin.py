"""Where a request comes from, for those who have no account yet to be told apart by."""

import ipaddress
from typing import Final

from starlette.requests import Request

from serve.gateway.requests.addresses import is_public

NOWHERE: Final = "nowhere"
IPV6_SITE: Final = 64
"""Bits of an IPv6 address that name a site; whoever has one has all addresses in it."""


def origin_of(request: Request) -> str:
    """The client's network address, as far as it can be told.

    A client with a private address may be a proxy: then it is the last address in
    `X-Forwarded-For`, which such a proxy adds itself. What is further left anybody may claim.
    """
    peer = request.client.host if request.client else ""
    forwarded = request.headers.getlist("x-forwarded-for")
    if forwarded and not _is_public(peer):
        peer = forwarded[-1].rpartition(",")[2].strip() or peer
    return _site(peer)


def _is_public(text: str) -> bool:
    try:
        return is_public(ipaddress.ip_address(text))
    except ValueError:
        return False


def _site(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return NOWHERE
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, IPV6_SITE), strict=False).network_address)
