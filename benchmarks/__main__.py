"""All benchmarks, one after another: `python -m benchmarks [overhead|load|startup|shares ...]`."""

import importlib
import os
import sys

NAMES = ("overhead", "load", "startup", "shares")


def main(names: list[str]) -> None:
    unknown = set(names) - set(NAMES)
    if unknown:
        raise SystemExit(f"no such benchmark: {', '.join(sorted(unknown))}; {', '.join(NAMES)}")
    os.environ["TQDM_DISABLE"] = "1"
    for name in names or NAMES:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
