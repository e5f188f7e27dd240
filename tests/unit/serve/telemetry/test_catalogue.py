"""docs/metrics.md says of each metric just what the catalogue says."""

from pathlib import Path

from serve.telemetry.catalogue import CATALOGUE

DOCUMENT = Path(__file__).parents[4] / "docs" / "metrics.md"


def test_the_document_has_every_metric_and_no_other() -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `filmgate_")]
    assert sorted(rows) == sorted(
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels)} | {metric.help} |"
        for metric in CATALOGUE
    )
