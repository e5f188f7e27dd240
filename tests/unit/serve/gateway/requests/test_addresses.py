"""Which addresses are public, in every disguise."""

import asyncio
import ipaddress
from typing import Any

import pytest

from serve.gateway.errors import ApiError
from serve.gateway.requests.addresses import is_public, resolve_checked

PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.5.4", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1",
    "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe", "fec0::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def answering(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name resolve to these addresses."""

    async def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, 80)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


async def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "8.8.8.8", "10.0.0.1")
    with pytest.raises(ApiError) as caught:
        await resolve_checked("rebinding.example", 80, allow_private=False)
    assert (caught.value.status, caught.value.code) == (400, "image_url_forbidden")
    assert caught.value.param == "input_reference"


async def test_a_public_name_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, "8.8.8.8", "1.1.1.1", "8.8.8.8")
    found = await resolve_checked("good.example", 80, allow_private=False)
    assert found == ["8.8.8.8", "1.1.1.1"]


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "localhost", "::1"])
async def test_other_ways_to_write_this_machine(host: str) -> None:
    with pytest.raises(ApiError) as caught:
        await resolve_checked(host, 80, allow_private=False)
    assert caught.value.code in ("image_url_forbidden", "image_fetch_failed")


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 300, "x..y"])
async def test_names_that_do_not_exist(host: str) -> None:
    with pytest.raises(ApiError) as caught:
        await resolve_checked(host, 80, allow_private=True)
    assert caught.value.code == "image_fetch_failed"
