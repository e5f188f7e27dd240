"""Which addresses a picture may be fetched from: a name is resolved once, and then only checked."""

import asyncio
import ipaddress
import socket

from serve.gateway.errors import ApiError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")


def is_public(address: Address) -> bool:
    """Whether an address is out on the internet: not loopback, private, link-local, multicast ...

    An IPv6 address that carries an IPv4 one (mapped, 6to4, Teredo, NAT64) is judged by both.
    """
    carried = _carried(address) if isinstance(address, ipaddress.IPv6Address) else []
    if not all(is_public(inner) for inner in carried):
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return True
    refused = (
        (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
        or address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
    )
    return address.is_global and not refused


def _carried(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    found = [address.ipv4_mapped, address.sixtofour]
    if address.teredo is not None:
        found += address.teredo
    if address in NAT64 or address in NAT64_LOCAL:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return [inner for inner in found if inner is not None]


async def resolve_checked(host: str, port: int, *, allow_private: bool) -> list[str]:
    """The addresses of `host`, in the resolver's order.

    Raises `ApiError` when there are none, or when any of them is not public: a name that answers
    with both kinds is up to no good.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise image_fault("image_fetch_failed", "The image URL's host is not known.") from None
    texts = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not allow_private and not all(is_public(ipaddress.ip_address(text)) for text in texts):
        message = "The image URL leads to a private address, which is not allowed."
        raise image_fault("image_url_forbidden", message)
    return texts


def image_fault(code: str, message: str) -> ApiError:
    """400: something is wrong with the picture, or with where it should come from."""
    return ApiError(400, code, message, param="input_reference")
