"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Url = Annotated[
    str | None,
    typer.Option("--url", help="The service; else FILMGATE_URL, else this machine.", metavar="URL"),
]
ApiKey = Annotated[
    str | None, typer.Option("--api-key", help="Your key; else FILMGATE_API_KEY.", metavar="KEY")
]
Config = Annotated[
    Path | None, typer.Option("--config", help="A YAML file with settings.", metavar="FILE")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
VideoId = Annotated[str, typer.Argument(metavar="ID", help="The id of a clip.")]
