"""`filmgate list`, `get` and `cancel`: a look at the jobs of the service."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from serve.client.api import Api
from serve.client.video import Video
from serve.commands.clip import check_target
from serve.commands.options import ApiKey, AsJson, Url, VideoId
from serve.commands.progress import detail_of, status_of
from serve.commands.tables import moment, show_facts, show_table
from serve.settings import load_client

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most this many.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Store the finished clip here.", metavar="FILE"),
]
COLUMNS = ("id", "status", "progress", "model", "size", "seconds", "made")
SHOWN = ("model", "size", "seconds", "fps", "steps", "seed", "sound", "prompt")


def list_jobs(
    limit: Limit = 20, as_json: AsJson = False, url: Url = None, api_key: ApiKey = None
) -> None:
    """Your jobs, the newest first."""
    with Api(load_client(url, api_key)) as api:
        videos = api.list(limit)
    if as_json:
        print(json.dumps([video.facts for video in videos], indent=2))
        return
    if not videos:
        print("no jobs yet: filmgate generate makes one")
        return
    show_table(COLUMNS, map(_row, videos))


def get(
    video_id: VideoId,
    output: Output = None,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """All about one job; with -o also its clip."""
    if output is not None:
        check_target(output)
    with Api(load_client(url, api_key)) as api:
        video = api.get(video_id)
        if as_json:
            print(json.dumps(video.facts, indent=2))
        else:
            show_facts(_portrait(video))
        if output is not None:
            size_bytes = api.download(video_id, output)
            Console(stderr=True).print(f"{output}: {size_bytes / 1e6:.1f} MB", highlight=False)


def cancel(video_id: VideoId, url: Url = None, api_key: ApiKey = None) -> None:
    """End a job. One that has ended stays as it is."""
    with Api(load_client(url, api_key)) as api:
        video = api.cancel(video_id)
    print(f"{video.id} is {video.sight.status}")


def _row(video: Video) -> list[str]:
    facts = video.facts
    progress = f"{facts.get('progress', 0)}%"
    told = [str(facts.get(name, "")) for name in ("model", "size", "seconds")]
    return [video.id, status_of(video.sight), progress, *told, moment(facts.get("created_at"))]


def _portrait(video: Video) -> Iterator[tuple[str, str]]:
    facts, sight = video.facts, video.sight
    stand = " ".join(filter(None, (status_of(sight), sight.phase, detail_of(sight))))
    yield "id", video.id
    yield "status", f"{stand} ({facts.get('progress', 0)}%)"
    if video.error:
        yield "error", video.error
    for name in SHOWN:
        if facts.get(name) is not None:
            yield name, str(facts[name])
    for name in ("created_at", "started_at", "completed_at", "expires_at"):
        if facts.get(name) is not None:
            yield name.removesuffix("_at"), moment(facts[name])
    for note in video.history:
        yield str(note.get("what")), f"{moment(note.get('at'))}: {note.get('text')}"
    for name, seconds in video.timings.items():
        yield name.removesuffix("_s"), f"{seconds:.3f} s"
