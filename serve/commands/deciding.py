"""What commands of an operator share: who does it, why, and for how long."""

import os
import re
import socket
from typing import Annotated, Final

import typer

from serve.commands.outcome import CommandError

UNITS_S: Final = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)([smhd])")

Why = Annotated[str, typer.Option("--why", help="For the audit trail.", metavar="TEXT")]
By = Annotated[
    str | None, typer.Option("--by", help="Who decides it; else you, on this host.", metavar="WHO")
]
For = Annotated[
    str | None, typer.Option("--for", help="Ends by itself: 90s, 30m, 2h, 1d.", metavar="TIME")
]


def decided_by(by: str | None) -> str:
    """Whoever is named, else the user of this process and the host."""
    if by is not None and not by.strip():
        raise CommandError("--by names nobody: leave it out, or write who decides it")
    return by.strip() if by else f"{_user()}@{socket.gethostname()}"


def seconds_of(text: str) -> float:
    """`90s`, `30m`, `2h`, `1d` in seconds; raises `CommandError`."""
    written = DURATION.fullmatch(text.strip())
    if written is None or float(written[1]) == 0:
        raise CommandError(f"--for {text}: write a time such as 90s, 30m, 2h or 1d")
    return float(written[1]) * UNITS_S[written[2]]


def until(text: str | None, now: float) -> float | None:
    """When something ends that begins now; None: not by itself."""
    return None if text is None else now + seconds_of(text)


def _user() -> str:
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return str(getattr(os, "getuid", lambda: "somebody")())
