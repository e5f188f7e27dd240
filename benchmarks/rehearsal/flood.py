"""`python -m benchmarks.rehearsal.flood`: a flash crowd at a service that runs on this machine.

It makes accounts of each tier in the service's database, asks for several times what the gangs can
make as new and free users, and makes clips as a pro all the while. A line every two seconds says
where each tier's gate stands. The first Ctrl-C ends the flood, and it goes on looking until the
gates are open again; the second ends that too.
"""

import argparse
import asyncio
import contextlib
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx

from benchmarks.rehearsal.crowd import let_in
from benchmarks.rehearsal.crowding import CLIP, Crowd, Tally, accounts, told
from serve.jobs.database import opened
from serve.settings import Settings, load

EVERY_S: Final = 2.0
OPEN: Final = "open"


def main(options: Sequence[str] | None = None) -> None:
    asked = _arguments().parse_args(options)
    if not asked.config.exists():
        raise SystemExit(f"{asked.config} is not there: start the service first (make rehearsal)")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_flood(load(asked.config), asked.times, asked.seconds))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rehearsal.flood",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = Path("filmgate-rehearsal/filmgate.yaml")
    parser.add_argument("--config", type=Path, default=default, help="the service's settings")
    parser.add_argument("--times", type=float, default=4.0, help="what the gangs can make")
    parser.add_argument("--seconds", type=float, help="how long; left out: until Ctrl-C")
    return parser


async def _flood(settings: Settings, times: float, seconds: float | None) -> None:
    async with opened(settings.database_url) as engines:
        keys = await let_in(engines, accounts())
    url = f"http://127.0.0.1:{settings.http.port}"
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        tally = Tally()
        crowd = Crowd(http, keys, await _clip_s(http, settings, next(iter(keys.values()))), tally)
        over = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, _interrupted, over, asyncio.current_task())
        if seconds is not None:
            loop.call_later(seconds, over.set)
        pro = asyncio.create_task(crowd.make_clips_as_pro())
        flooding = asyncio.create_task(crowd.flood(times))
        try:
            await _tell(crowd, tally, flooding, over)
        except asyncio.CancelledError:
            pass
        finally:
            for task in (pro, flooding):
                task.cancel()
            await asyncio.gather(pro, flooding, return_exceptions=True)


async def _clip_s(http: httpx.AsyncClient, settings: Settings, key: str) -> float:
    """What all gangs of the default model together need for one clip."""
    headers = {"authorization": f"Bearer {key}"}
    answer = await http.post("/v1/videos/estimate", json=CLIP, headers=headers)
    answer.raise_for_status()
    devices = sum(gangs.min * gangs.shape.world for gangs in settings.models[0].shapes)
    return float(answer.json()["cost"]["estimated_gpu_s"]) / devices


async def _tell(
    crowd: Crowd, tally: Tally, flooding: "asyncio.Task[None]", over: asyncio.Event
) -> None:
    """Until the flood is over and all gates are open."""
    began, gates = time.monotonic(), dict[str, str]()
    while not (over.is_set() and gates and set(gates.values()) == {OPEN}):
        if over.is_set():
            flooding.cancel()
        with contextlib.suppress(httpx.HTTPError, KeyError):
            gates = await crowd.gates()
            line = told(tally, gates, time.monotonic() - began, flooding=not over.is_set())
            print(line, flush=True)
        await asyncio.sleep(EVERY_S)


def _interrupted(over: asyncio.Event, whole: "asyncio.Task[None] | None") -> None:
    """The first time the flood ends, the second time everything does."""
    if over.is_set() and whole is not None:
        whole.cancel()
    over.set()


if __name__ == "__main__":
    main()
