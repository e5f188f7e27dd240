"""Fetches a picture from a URL that a stranger gave: only from addresses that were checked."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from serve.gateway.errors import ApiError, retry_after
from serve.gateway.requests.addresses import image_fault, resolve_checked
from serve.gateway.requests.picture_turns import RETRY_S, place

MAX_HOPS: Final = 5
TOTAL_TIMEOUT_S: Final = 30.0
"""Waiting for a place among those that are fetched at once included."""
STEP_TIMEOUT_S: Final = 10.0
FETCHES_AT_ONCE: Final = 8
BUSY: Final = (
    "As many image URLs are being fetched as this service does at once; try again shortly, or send "
    "the picture itself."
)
DEFAULT_PORTS: Final = (("http", 80), ("https", 443))


class PictureFetcher:
    """GET with bounds on size, time and redirects.

    Each hop's name is resolved once, its addresses are judged, and the connection goes to the
    judged address itself; the name only appears in the Host header and the TLS handshake. So a
    name that resolves differently a moment later (DNS rebinding) gains nothing.
    """

    def __init__(self, *, max_bytes: int, allow_private: bool) -> None:
        self._max_bytes = max_bytes
        self._allow_private = allow_private
        self._slots = asyncio.Semaphore(FETCHES_AT_ONCE)
        # Without keep-alive: connections are pooled by address, and one made in the name of one
        # host must not serve another.
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=STEP_TIMEOUT_S,
            limits=httpx.Limits(max_keepalive_connections=0),
            headers={"accept": "image/*", "accept-encoding": "identity", "user-agent": "filmgate"},
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def fetch(self, url: str) -> bytes:
        """The body behind `url`; raises `ApiError`: 400 when it cannot or may not be had, 503 when
        so many others are being fetched that its turn does not come."""
        parsed = _parsed(url)
        busy = ApiError(503, "service_unavailable", BUSY, headers=retry_after(RETRY_S))
        try:
            async with asyncio.timeout(TOTAL_TIMEOUT_S), place(self._slots, busy):
                return await self._follow(parsed)
        except (TimeoutError, httpx.TimeoutException):
            message = "The image URL did not answer in time."
            raise image_fault("image_fetch_failed", message) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            message = "The image URL could not be fetched."
            raise image_fault("image_fetch_failed", message) from None

    async def _follow(self, url: httpx.URL) -> bytes:
        for _ in range(MAX_HOPS):
            async with self._answer(url) as answer:
                if answer.has_redirect_location:
                    url = _parsed(str(url.join(answer.headers["location"])))
                    continue
                return await self._body(answer)
        raise image_fault("image_fetch_failed", "The image URL redirects too often.")

    @asynccontextmanager
    async def _answer(self, url: httpx.URL) -> AsyncIterator[httpx.Response]:
        """The answer of the first of the host's addresses that takes a connection."""
        port = url.port or dict(DEFAULT_PORTS)[url.scheme]
        host = url.raw_host.decode("ascii")
        addresses = await resolve_checked(host, port, allow_private=self._allow_private)
        answer = await self._connect(url, addresses)
        try:
            yield answer
        finally:
            await answer.aclose()

    async def _connect(self, url: httpx.URL, addresses: list[str]) -> httpx.Response:
        for address in addresses[:-1]:
            try:
                return await self._send(url, address)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._send(url, addresses[-1])

    async def _send(self, url: httpx.URL, address: str) -> httpx.Response:
        host = url.raw_host.decode("ascii")
        request = self._client.build_request(
            "GET",
            url.copy_with(host=address, fragment=None),
            headers={"host": url.netloc.decode("ascii")},
            extensions={} if _is_address(host) else {"sni_hostname": host},
        )
        return await self._client.send(request, stream=True)

    async def _body(self, answer: httpx.Response) -> bytes:
        if answer.status_code != 200:
            message = f"The image URL answered with status {answer.status_code}."
            raise image_fault("image_fetch_failed", message)
        if answer.headers.get("content-encoding", "identity") != "identity":
            message = "The image URL answered with compressed content, which was not asked for."
            raise image_fault("image_fetch_failed", message)
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > self._max_bytes:
                message = f"The picture is larger than {self._max_bytes} bytes."
                raise image_fault("image_too_large", message)
        return bytes(body)


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url.strip())
    except (httpx.InvalidURL, ValueError):
        parsed = httpx.URL("")
    good = parsed.scheme in ("http", "https") and parsed.host and not parsed.userinfo
    if not good or not 0 < (parsed.port or 80) < 65_536:
        message = "`image_url` must be an http, https or data URL without a user name."
        raise image_fault("invalid_image_url", message)
    return parsed


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
