"""`python -m benchmarks.rehearsal [FILE]`: serve with sleeping stages until told to stop.

Everything else, the settings in FILE among it, is as `filmgate serve` has it. Without a FILE these
are written to `filmgate-rehearsal/filmgate.yaml`: four gangs, a policy twenty times faster than
life, and promises so short that a flood and its end can be watched in minutes.
"""

import json
import sys
from pathlib import Path

from benchmarks.rehearsal.app import BUILDER
from benchmarks.rehearsal.compression import show_values
from serve.app import run
from serve.settings import load

FOLDER = Path("filmgate-rehearsal")
CONFIG = FOLDER / "filmgate.yaml"


def main(words: list[str]) -> None:
    config = Path(words[0]) if words else CONFIG
    if not words:
        folder = FOLDER.resolve()
        folder.mkdir(exist_ok=True)
        values = {"data_dir": str(folder / "data"), **show_values(folder / "outline")}
        config.write_text(json.dumps(values, indent=2) + "\n")
    run(load(config), builder=BUILDER)


if __name__ == "__main__":
    main(sys.argv[1:])
