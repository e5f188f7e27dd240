"""`filmgate generate`: a prompt in, a file out."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from serve.client.api import Order
from serve.commands.clip import Interrupted, make_clip, opened_api, tell_clip
from serve.commands.options import ApiKey, Url
from serve.commands.outcome import CommandError
from serve.settings import load_client

INTERRUPTED = 130
"""The exit code that shells expect after Ctrl-C."""


def generate(  # noqa: PLR0913, PLR0917
    prompt: Annotated[str, typer.Argument(help="What the clip should show.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where to store the clip.", metavar="FILE")
    ] = Path("clip.mp4"),
    model: Annotated[str | None, typer.Option(help="Left out: the service's default.")] = None,
    size: Annotated[str | None, typer.Option(help="Such as 1280x704.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Playing time.")] = None,
    fps: Annotated[int | None, typer.Option(help="Frames per second.")] = None,
    steps: Annotated[int | None, typer.Option(help="Denoising steps.")] = None,
    guidance: Annotated[float | None, typer.Option(help="How closely to follow.")] = None,
    negative_prompt: Annotated[str | None, typer.Option(help="What to keep out.")] = None,
    seed: Annotated[int | None, typer.Option(help="Equal seeds give equal clips.")] = None,
    image: Annotated[
        Path | None, typer.Option(help="The first frame.", metavar="FILE", exists=True)
    ] = None,
    no_sound: Annotated[bool, typer.Option("--no-sound", help="A silent clip.")] = False,
    accept_lighter: Annotated[
        bool, typer.Option("--accept-lighter", help="Take a smaller clip or fewer steps if busy.")
    ] = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Make a clip and store it. Ctrl-C cancels the job."""
    fields: dict[str, Any] = {
        "prompt": prompt,
        "model": model,
        "size": size,
        "seconds": seconds,
        "fps": fps,
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "negative_prompt": negative_prompt,
        "seed": seed,
        "sound": False if no_sound else None,
        "accept_lighter": ["size", "steps"] if accept_lighter else None,
    }
    asked = {name: value for name, value in fields.items() if value is not None}
    run_order(Order(fields=asked, image=image), output, url, api_key)


def run_order(order: Order, output: Path, url: str | None, api_key: str | None) -> None:
    """Carry out one order and tell how it went."""
    console = Console(stderr=True)
    try:
        with opened_api(load_client(url, api_key), console) as api:
            video = make_clip(api, order, output, console)
    except Interrupted:
        raise typer.Exit(INTERRUPTED) from None
    except OSError as error:
        raise CommandError(f"{error.filename or output}: {error.strerror}") from error
    tell_clip(video, output, Console())
