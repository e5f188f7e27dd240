"""All benchmarks, one after another: `python -m benchmarks [NAME ...]`, names as in `NAMES`.

Options after a single name are that benchmark's own: `python -m benchmarks denoise --help`.
"""

import importlib
import os
import sys
from itertools import dropwhile, takewhile

NAMES = ("overhead", "load", "startup", "shares", "denoise", "stages", "flood")


def main(words: list[str]) -> None:
    names = list(takewhile(lambda word: not word.startswith("-"), words))
    options = list(dropwhile(lambda word: not word.startswith("-"), words))
    if options and len(names) != 1:
        raise SystemExit("options belong to one benchmark: name it before them")
    unknown = set(names) - set(NAMES)
    if unknown:
        raise SystemExit(f"no such benchmark: {', '.join(sorted(unknown))}; {', '.join(NAMES)}")
    os.environ["TQDM_DISABLE"] = "1"
    for name in names or NAMES:
        main_of = importlib.import_module(f"benchmarks.{name}").main
        main_of(options) if options else main_of()


if __name__ == "__main__":
    main(sys.argv[1:])
