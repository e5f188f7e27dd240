"""`python -m benchmarks.rehearsal.flood`: a flash crowd at a service that runs on this machine.

It makes accounts of each tier in the service's database, asks for several times what the gangs can
make as new and free users, and makes clips as a pro all the while. A line every two seconds says
where the gates stand, and what part of a tier's requests is turned aside. The first Ctrl-C ends the
flood: from then on little is asked for, until the gates are open again. The second ends that too.
"""

import argparse
import asyncio
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx

from benchmarks.rehearsal.crowd import let_in
from benchmarks.rehearsal.crowding import CLIP, Crowd, Tally, accounts, told
from benchmarks.rehearsal.sightings import look
from serve.jobs.database import Engines, opened
from serve.settings import Settings, load

EVERY_S: Final = 2.0
CALM: Final = 0.2
"""Of what the gangs can make: what is asked for once the flood is over."""


def main(options: Sequence[str] | None = None) -> None:
    asked = _arguments().parse_args(options)
    if not asked.config.exists():
        raise SystemExit(f"{asked.config} is not there: start the service first (make rehearsal)")
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
            tally, over = Tally(), asyncio.Event()
            clip_s = await _clip_s(http, settings, next(iter(keys.values())))
            crowd = Crowd(http, keys, clip_s, tally)
            _end_in_time(over, seconds)
            asking = [
                asyncio.create_task(crowd.ask(lambda: CALM if over.is_set() else times)),
                asyncio.create_task(crowd.make_clips_as_pro()),
            ]
            try:
                await _tell(engines, tally, over)
            except asyncio.CancelledError:
                pass  # the second Ctrl-C
            finally:
                for task in asking:
                    task.cancel()
                await asyncio.gather(*asking, return_exceptions=True)


async def _clip_s(http: httpx.AsyncClient, settings: Settings, key: str) -> float:
    """What all gangs of the default model together need for one clip."""
    headers = {"authorization": f"Bearer {key}"}
    answer = await http.post("/v1/videos/estimate", json=CLIP, headers=headers)
    answer.raise_for_status()
    devices = sum(gangs.min * gangs.shape.world for gangs in settings.models[0].shapes)
    return float(answer.json()["cost"]["estimated_gpu_s"]) / devices


async def _tell(engines: Engines, tally: Tally, over: asyncio.Event) -> None:
    """Until the flood is over and all gates are open."""
    began = time.monotonic()
    while True:
        sighting = await look(engines)
        since_s, status = time.monotonic() - began, sighting.status if sighting else None
        print(told(tally, status, since_s, flooding=not over.is_set()), flush=True)
        if over.is_set() and sighting and not sighting.closed:
            return
        await asyncio.sleep(EVERY_S)


def _end_in_time(over: asyncio.Event, seconds: float | None) -> None:
    """After some seconds if any are said, or with the first Ctrl-C."""
    loop, whole = asyncio.get_running_loop(), asyncio.current_task()
    loop.add_signal_handler(signal.SIGINT, _interrupted, over, whole)
    if seconds is not None:
        loop.call_later(seconds, over.set)


def _interrupted(over: asyncio.Event, whole: "asyncio.Task[None] | None") -> None:
    """The first time the flood ends, the second time everything does."""
    if over.is_set() and whole is not None:
        whole.cancel()
    over.set()


if __name__ == "__main__":
    main()
