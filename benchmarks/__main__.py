"""All benchmarks, one after another: `python -m benchmarks [NAME ...]`, names as in `NAMES`.

What follows a single name is that benchmark's own: `python -m benchmarks denoise --help`,
`python -m benchmarks gate tune`.
"""

import importlib
import os
import sys
from itertools import takewhile

NAMES = (
    "overhead",
    "load",
    "startup",
    "shares",
    "sizing",
    "denoise",
    "stages",
    "flood",
    "gate",
    "rehearsal",
)
HOMES = {"rehearsal": "benchmarks.rehearsal.bench"}
"""Where a benchmark is, if not in a module of its name."""


def main(words: list[str]) -> None:
    names = list(takewhile(NAMES.__contains__, words))
    own = words[len(names) :]
    if own and not names:
        raise SystemExit(f"no such benchmark: {own[0]}; {', '.join(NAMES)}")
    if own and len(names) > 1:
        raise SystemExit(f"{own[0]} belongs to one benchmark: name it alone before it")
    os.environ["TQDM_DISABLE"] = "1"
    for name in names or NAMES:
        main_of = importlib.import_module(HOMES.get(name, f"benchmarks.{name}")).main
        main_of(own) if own else main_of()


if __name__ == "__main__":
    main(sys.argv[1:])
