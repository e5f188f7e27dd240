"""`filmgate demo`: the whole way once, on this machine: serve, generate, stop."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from serve.client.api import Order
from serve.commands.background import background_service, free_port
from serve.commands.clip import Interrupted, check_target, make_clip, opened_api, tell_clip
from serve.commands.generate import INTERRUPTED
from serve.commands.options import Config
from serve.settings import ClientSettings, load

PROMPT = "a red ball bounces on a white background"
Output = Annotated[Path, typer.Option("--output", "-o", help="Where to store the clip.")]


def demo(output: Output = Path("demo.mp4"), config: Config = None) -> None:
    """Start a service, make a clip with it, stop it."""
    settings = load(config)
    check_target(output)
    console = Console(highlight=False, soft_wrap=True)
    signal.signal(signal.SIGTERM, _leave)
    wanted = settings.http.port
    port = free_port(wanted)
    if port != wanted:
        console.print(f"Port {wanted} is taken; using {port}.")
    folder = settings.data_dir / "demo"
    console.print(f"Starting filmgate on port {port} (its log: {folder / 'service.log'})")
    try:
        _run(port, folder, config, output, console)
    except (Interrupted, KeyboardInterrupt):
        console.print("Interrupted; the service is stopped.")
        raise typer.Exit(INTERRUPTED) from None


def _run(port: int, folder: Path, config: Path | None, output: Path, console: Console) -> None:
    began = time.monotonic()
    with background_service(port, folder, config) as url:
        console.print(f"Ready after {time.monotonic() - began:.1f} s.")
        console.print(f'filmgate generate "{PROMPT}" -o {output}')
        with opened_api(ClientSettings(url=url), console) as api:
            video = make_clip(api, Order(fields={"prompt": PROMPT}), output, console)
        console.print("Stopping the service.")
    console.print(f"\nYour clip is {output.resolve()}")
    tell_clip(video, output, console)
    console.print("Next: `make serve` keeps the service running, and README.md says what it can.")


def _leave(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the demo as Ctrl-C would: the service must not outlive it."""
    sys.exit(128 + signal.SIGTERM)
