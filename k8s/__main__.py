"""`python -m k8s`: write the files that are made from code; `--runbooks URL` for links to yours."""

import argparse
from pathlib import Path

from k8s.alerts.files import RuleFiles
from k8s.alerts.rule import RUNBOOKS
from k8s.generated import files


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m k8s", description=__doc__)
    asked.add_argument("--runbooks", default=RUNBOOKS, help="where docs/runbooks.md can be read")
    rules = RuleFiles(runbooks=asked.parse_args().runbooks)
    here = Path(__file__).parent
    for name, text in files(rules).items():
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
