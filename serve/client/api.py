"""filmgate's HTTP API as calls: patient where that helps, exact about what went wrong."""

import ipaddress
import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from serve.client.events import read_events
from serve.client.retries import ApiFault, Patience, fault_of
from serve.client.video import Video, read_video
from serve.settings import ClientSettings

ANSWER = httpx.Timeout(30.0, connect=5.0)
STREAM = httpx.Timeout(60.0, connect=5.0)
"""Longer than the service's heartbeats are apart."""
DOWNLOAD_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to make: fields of `POST /v1/videos`, and the first frame if there is one."""

    fields: dict[str, Any]
    image: Path | None = None


class Api:
    """One service. `on_wait` hears why and how long it waits before it tries again (seconds)."""

    def __init__(
        self,
        settings: ClientSettings,
        *,
        patience: Patience | None = None,
        on_wait: Callable[[ApiFault, float], None] = lambda _fault, _pause_s: None,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._patience = patience or Patience()
        self._on_wait = on_wait
        self._sleep = sleep
        key = settings.api_key
        self._http = httpx.Client(
            base_url=settings.url,
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=ANSWER,
            transport=transport,
            trust_env=not _is_loopback(settings.url),  # no proxy to oneself
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def create(self, order: Order, idempotency_key: str) -> Video:
        """Submit a job. Trying again is safe: one key is one job, however often it is sent."""
        body = _body(order)
        waited_s = 0.0
        for attempt in itertools.count():
            try:
                return self._video(
                    "POST", "/v1/videos", headers={"idempotency-key": idempotency_key}, **body
                )
            except ApiFault as fault:
                pause_s = self._patience.pause_s(fault, attempt, waited_s)
                if pause_s is None:
                    raise
                self._on_wait(fault, pause_s)
                self._sleep(pause_s)
                waited_s += pause_s
        raise AssertionError("unreachable")

    def get(self, video_id: str) -> Video:
        return self._video("GET", f"/v1/videos/{_segment(video_id)}")

    def cancel(self, video_id: str) -> Video:
        return self._video("POST", f"/v1/videos/{_segment(video_id)}/cancel")

    def list(self, limit: int) -> "list[Video]":
        """The newest jobs, newest first, at most `limit`."""
        found: list[Video] = []
        after: dict[str, str] = {}
        while len(found) < limit:
            page_size = min(100, limit - len(found))
            page = self._json("GET", "/v1/videos", params={"limit": page_size, **after})[0]
            found += map(read_video, page["data"])
            if not page["has_more"]:
                break
            after = {"after": page["last_id"]}
        return found

    def events(self, video_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The job's events until the stream ends; raises `ApiFault` when it breaks."""
        path = f"/v1/videos/{_segment(video_id)}/events"
        with self._answers(), self._http.stream("GET", path, timeout=STREAM) as response:
            self._check(response)
            yield from read_events(response.iter_lines())

    def download(self, video_id: str, target: Path) -> int:
        """Store the clip as `target`, whole or not at all; returns its size in bytes."""
        partial = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            for attempt in itertools.count(1):
                try:
                    size_bytes = self._fetch(video_id, partial)
                    break
                except ApiFault as fault:
                    if not fault.passing or attempt == DOWNLOAD_ATTEMPTS:
                        raise
                    self._sleep(1.0)
            partial.replace(target)
            return size_bytes
        finally:
            partial.unlink(missing_ok=True)

    def _fetch(self, video_id: str, partial: Path) -> int:
        """Raises a passing `ApiFault` when fewer bytes came than were announced."""
        path = f"/v1/videos/{_segment(video_id)}/content"
        with self._answers(), self._http.stream("GET", path, timeout=STREAM) as response:
            self._check(response)
            with partial.open("wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
        size_bytes = partial.stat().st_size
        if size_bytes != int(response.headers.get("content-length", size_bytes)):
            raise ApiFault("the download broke off", passing=True)
        return size_bytes

    def _video(self, method: str, path: str, **request: Any) -> Video:
        facts, headers = self._json(method, path, **request)
        try:
            return read_video(facts, headers.get("openai-poll-after-ms"))
        except KeyError:
            raise self._stranger() from None

    def _json(self, method: str, path: str, **request: Any) -> tuple[dict[str, Any], httpx.Headers]:
        with self._answers():
            response = self._http.request(method, path, **request)
        self._check(response)
        try:
            facts = response.json()
        except ValueError:
            raise self._stranger() from None
        if not isinstance(facts, dict):
            raise self._stranger()
        return facts, response.headers

    def _check(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        if response.has_redirect_location:
            place = response.headers["location"]
            raise ApiFault(f"{self._settings.url} redirects to {place}: set FILMGATE_URL to that")
        response.read()
        try:
            body = response.json()
        except ValueError:
            body = None
        raise fault_of(response.status_code, response.headers, body)

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """No answer, and an answer that breaks off, are faults that pass."""
        try:
            yield
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            raise ApiFault(
                f"no answer from {self._settings.url} ({why}); is `filmgate serve` running there?",
                passing=True,
            ) from error
        except httpx.InvalidURL as error:
            raise ApiFault(f"{self._settings.url} is no usable address: {error}") from error

    def _stranger(self) -> ApiFault:
        return ApiFault(f"what answers at {self._settings.url} is not filmgate")


def _body(order: Order) -> dict[str, Any]:
    """Keyword arguments of a request: JSON, or a form when a picture goes along."""
    if order.image is None:
        return {"json": order.fields}
    picture = (order.image.name, order.image.read_bytes(), "application/octet-stream")
    fields = {name: _form_text(value) for name, value in order.fields.items()}
    return {"data": fields, "files": {"input_reference": picture}}


def _form_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _segment(video_id: str) -> str:
    return quote(video_id, safe="")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
