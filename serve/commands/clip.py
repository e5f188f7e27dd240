"""From an order to a file: submit, watch, download; Ctrl-C cancels the job."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from serve.client.api import Api, Order
from serve.client.following import follow
from serve.client.retries import ApiFault
from serve.client.video import Video
from serve.commands.outcome import CommandError
from serve.commands.progress import ProgressView
from serve.settings import ClientSettings

LIGHTER = "lighter_accepted"


class Interrupted(Exception):
    """Ctrl-C was pressed, and the job has been seen to."""


@contextmanager
def opened_api(settings: ClientSettings, console: Console) -> Iterator[Api]:
    """The service, with waits told on the console."""

    def tell(fault: ApiFault, pause_s: float) -> None:
        console.print(f"{fault.message} Trying again in {pause_s:.0f} s.", markup=False)

    with Api(settings, on_wait=tell) as api:
        yield api


def make_clip(api: Api, order: Order, target: Path, console: Console) -> Video:
    """The ended job, its clip stored as `target`.

    Raises `CommandError` when there is no clip, `Interrupted` after Ctrl-C.
    """
    check_target(target)
    video = submit(api, order, console)
    if surprise := surprise_of(video):
        console.print(surprise, markup=False, highlight=False, soft_wrap=True)
    try:
        with ProgressView(console) as view:
            for sight in follow(api, video, time.sleep):
                view.show(sight)
        video = api.get(video.id)
        if video.sight.status != "completed":
            raise CommandError(_no_clip(video))
        api.download(video.id, target)
    except KeyboardInterrupt:
        _cancel(api, video.id, console)
        raise Interrupted from None
    return video


def submit(api: Api, order: Order, console: Console) -> Video:
    """The accepted job. Interrupted in the middle, it may have been accepted unseen: with the
    same key the service names that very job, which is then cancelled.
    """
    key = str(uuid.uuid4())
    try:
        return api.create(order, key)
    except KeyboardInterrupt:
        try:
            _cancel(api, api.create(order, key).id, console)
        except ApiFault:
            console.print("interrupted; no job was made, as far as the service answers")
        raise Interrupted from None


def surprise_of(video: Video) -> str | None:
    """What is to be told of a job that was deferred, or became a lighter clip: the decision."""
    notes = video.history[:1]
    lighter = any(note.get("reason") == LIGHTER for note in notes)
    return video.sight.why if video.sight.deferred or lighter else None


def check_target(target: Path) -> None:
    """Raise `CommandError` if the clip could not be stored: better now than after the work."""
    folder = target.parent
    if not folder.is_dir():
        raise CommandError(f"there is no folder {folder} to put {target.name} in")
    if target.is_dir():
        raise CommandError(f"{target} is a folder; name a file, such as {target / 'clip.mp4'}")
    if not os.access(folder, os.W_OK):
        raise CommandError(f"the folder {folder} cannot be written")


def tell_clip(video: Video, target: Path, console: Console) -> None:
    """Where the clip is, what it is, and what it took."""
    facts = video.facts
    console.print(
        f"{target}: {facts['seconds']} s at {facts['size']}, {facts['model']}, "
        f"seed {facts['seed']}, id {video.id}",
        soft_wrap=True,
        highlight=False,
    )
    console.print(f"took {timings_of(video)}", soft_wrap=True, highlight=False)


def timings_of(video: Video) -> str:
    """`2.31 s: queue 0.02, encode 0.21, denoise 1.80, decode 0.25; 2.10 GPU-seconds`."""
    spent = {name: seconds for name, seconds in video.timings.items() if seconds is not None}
    parts = ", ".join(
        f"{name} {spent[f'{name}_s']:.2f}"
        for name in ("queue", "encode", "denoise", "decode")
        if f"{name}_s" in spent
    )
    return f"{spent.get('total_s', 0.0):.2f} s: {parts}; {spent.get('gpu_s', 0.0):.2f} GPU-seconds"


def _no_clip(video: Video) -> str:
    why = f": {video.error}" if video.error else ""
    return f"{video.id} was {video.sight.status}{why}"


def _cancel(api: Api, video_id: str, console: Console) -> None:
    try:
        status = api.cancel(video_id).sight.status
    except ApiFault as fault:
        raise CommandError(
            f"{video_id} could not be cancelled: {fault} (filmgate cancel {video_id})"
        ) from fault
    console.print(f"{video_id} is {status}", highlight=False)
