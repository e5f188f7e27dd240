"""Fetching from a hostile web: private places, rebinding, redirects, size, slowness."""

import asyncio
import shlex
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from serve.gateway.errors import ApiError
from serve.gateway.requests import fetching, picture_turns
from tests.unit.serve.gateway.requests.strange_web import (
    MAX_BYTES,
    Resolver,
    fetcher,
    pictures,
    web,
)


async def test_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    async with web(pictures, monkeypatch) as place, fetcher() as fetch:
        assert await fetch.fetch(place.url("/ok")) == b"picture"
        assert await fetch.fetch(place.url("/moved")) == b"picture"
        assert len(await fetch.fetch(place.url("/full"))) == MAX_BYTES
    assert f"host: pictures.example:{place.port}" in place.requests[0].lower()


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/none", "image_fetch_failed"),
        ("/loop", "image_fetch_failed"),
        ("/zipped", "image_fetch_failed"),
        ("/large", "image_too_large"),
        ("/file", "invalid_image_url"),
        ("/login", "invalid_image_url"),
    ],
)
async def test_what_is_no_good(monkeypatch: pytest.MonkeyPatch, path: str, code: str) -> None:
    async with web(pictures, monkeypatch) as place, fetcher() as fetch:
        with pytest.raises(ApiError) as caught:
            await fetch.fetch(place.url(path))
    assert (caught.value.status, caught.value.code) == (400, code)
    assert len(place.requests) <= fetching.MAX_HOPS


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pictures.example/ok",
        "ftp://pictures.example/ok",
        "http://",
        "http:///ok",
        "http://[::1",
        "http://user@pictures.example/ok",
        "http://pictures.example:99999/ok",
        "javascript:alert(1)",
        "http://\0/",
        "//pictures.example/ok",
    ],
)
async def test_what_is_no_url(url: str) -> None:
    async with fetcher() as fetch:
        with pytest.raises(ApiError) as caught:
            await fetch.fetch(url)
    assert caught.value.code == "invalid_image_url"


async def test_private_places_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with web(pictures, monkeypatch) as place, fetcher(allow_private=False) as fetch:
        for host in ("pictures.example", "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
            with pytest.raises(ApiError) as caught:
                await fetch.fetch(place.url("/ok", host))
            assert caught.value.code == "image_url_forbidden"
    assert place.requests == []


async def test_each_redirect_is_judged_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first place is public; where it sends us is not."""
    async with web(pictures, monkeypatch) as place, fetcher(allow_private=False) as fetch:
        monkeypatch.setattr("serve.gateway.requests.addresses.is_public", lambda address: True)
        place.resolver.answers["inside.example"] = ["127.0.0.1"]
        judged: list[str] = []

        def is_public(address: Any) -> bool:
            judged.append(str(address))
            return len(judged) == 1

        monkeypatch.setattr("serve.gateway.requests.addresses.is_public", is_public)
        with pytest.raises(ApiError) as caught:
            await fetch.fetch(place.url("/inside"))
    assert caught.value.code == "image_url_forbidden"
    assert place.resolver.asked == ["pictures.example", "inside.example"]
    assert len(place.requests) == 1


async def test_a_name_that_changes_its_mind_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolved once; what the name says a moment later is never asked."""
    async with web(pictures, monkeypatch) as place, fetcher() as fetch:
        place.resolver.answers["pictures.example"] = ["127.0.0.1", "127.0.0.9"]
        assert await fetch.fetch(place.url("/ok")) == b"picture"
    assert place.resolver.asked == ["pictures.example"]


async def test_a_body_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless(_path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 500)
            await writer.drain()

    async with web(endless, monkeypatch) as place, fetcher() as fetch:
        with pytest.raises(ApiError) as caught:
            await fetch.fetch(place.url("/"))
    assert caught.value.code == "image_too_large"


async def test_a_body_that_trickles_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    async def trickle(_path: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    monkeypatch.setattr(fetching, "TOTAL_TIMEOUT_S", 0.2)
    async with web(trickle, monkeypatch) as place, fetcher() as fetch:
        with pytest.raises(ApiError) as caught:
            await fetch.fetch(place.url("/"))
    assert caught.value.code == "image_fetch_failed"


async def test_who_finds_all_places_taken_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the others take: to wait for a place is not to wait for its end."""
    over, full = asyncio.Event(), asyncio.Event()

    async def slow(path: str, writer: asyncio.StreamWriter) -> None:
        if len(place.requests) == fetching.FETCHES_AT_ONCE:
            full.set()
        await over.wait()
        await pictures(path, writer)

    async with web(slow, monkeypatch) as place, fetcher() as fetch:
        at_work = [
            asyncio.create_task(fetch.fetch(place.url("/ok")))
            for _ in range(fetching.FETCHES_AT_ONCE)
        ]
        await full.wait()
        with monkeypatch.context() as impatient:
            impatient.setattr(picture_turns, "PATIENCE_S", 0.05)
            with pytest.raises(ApiError) as caught:
                await fetch.fetch(place.url("/ok"))
        assert (caught.value.status, caught.value.code) == (503, "service_unavailable")
        assert caught.value.headers["retry-after"] == "5"
        over.set()
        assert await asyncio.gather(*at_work, fetch.fetch(place.url("/ok"))) == [b"picture"] * 9


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate")
async def test_the_tls_handshake_names_the_host_and_not_the_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And a certificate that nobody vouches for is refused."""
    subprocess.run(
        shlex.split("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout key -out cert"),
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    named: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: named.append(name)

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    resolver = Resolver()
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolver.getaddrinfo)
    async with server, fetcher() as fetch:
        with pytest.raises(ApiError) as caught:
            await fetch.fetch(f"https://pictures.example:{port}/ok")
    assert caught.value.code == "image_fetch_failed"
    assert named == ["pictures.example"]
