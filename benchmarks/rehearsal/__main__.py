"""`python -m benchmarks.rehearsal FILE`: serve with sleeping stages until told to stop.

Everything else, the settings in FILE among it, is as `filmgate serve` has it.
"""

import sys
from pathlib import Path

from benchmarks.rehearsal.app import BUILDER
from serve.app import run
from serve.settings import load

if __name__ == "__main__":
    run(load(Path(sys.argv[1])), builder=BUILDER)
