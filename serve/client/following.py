"""Watch a job until it has ended: by its event stream, and by asking where that breaks."""

from collections.abc import Callable, Iterator

from serve.client.api import Api
from serve.client.events import HEARTBEAT
from serve.client.retries import ApiFault
from serve.client.video import Sight, Video

QUIET_HEARTBEATS = 2
PAUSE_WHEN_AWAY_S = 1.0
AWAY_AT_MOST_S = 180.0
"""A service that restarts goes on with its jobs: it is worth waiting for."""


def follow(api: Api, video: Video, sleep: Callable[[float], None]) -> Iterator[Sight]:
    """The job's sights, the present one first, the last one ended.

    Raises `ApiFault` when the service stays away or refuses.
    """
    sight = video.sight
    yield sight
    try:
        for seen in _stream(api, video.id, sight):
            yield seen
            if seen.ended:
                return
    except (ApiFault, KeyError):
        pass  # polling goes on, and tells of a fault that stays
    yield from _poll(api, video.id, sleep)


def _stream(api: Api, video_id: str, sight: Sight) -> Iterator[Sight]:
    """Sights by the stream. When it has only beaten for a while, the job itself is looked at."""
    quiet = 0
    for event, facts in api.events(video_id):
        quiet = quiet + 1 if event == HEARTBEAT else 0
        if quiet == QUIET_HEARTBEATS:
            quiet, sight = 0, api.get(video_id).sight
        yield (sight := sight.after(event, facts))


def _poll(api: Api, video_id: str, sleep: Callable[[float], None]) -> Iterator[Sight]:
    away_s = 0.0
    while True:
        try:
            video = api.get(video_id)
        except ApiFault as fault:
            away_s += PAUSE_WHEN_AWAY_S
            if not fault.passing or away_s > AWAY_AT_MOST_S:
                raise
            sleep(PAUSE_WHEN_AWAY_S)
            continue
        away_s = 0.0
        yield video.sight
        if video.sight.ended:
            return
        sleep(video.poll_after_s)
