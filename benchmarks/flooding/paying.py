"""A paying account in the midst of a flood: a clip now and then, and how long each one took."""

import time
from dataclasses import dataclass
from threading import Event

import httpx


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """Seconds from before the request to its answer, and to the sight of the finished clip."""

    answered_s: float
    finished_s: float


def pay(port: int, key: str, *, count: int) -> list[Paid]:
    """Clips one after another, each followed by polling."""
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http:
        return [_paid(http, number) for number in range(count)]


def _paid(http: httpx.Client, number: int) -> Paid:
    began = time.perf_counter()
    body = {"prompt": f"a green ball rolls, take {number}"}
    video = http.post("/v1/videos", json=body).raise_for_status().json()
    answered_s = time.perf_counter() - began
    while video["status"] != "completed":
        Event().wait(0.05)
        video = http.get(f"/v1/videos/{video['id']}").raise_for_status().json()
    return Paid(answered_s=answered_s, finished_s=time.perf_counter() - began)
