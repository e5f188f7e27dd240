"""The sizing table that operators read is the one that the cost model makes."""

from pathlib import Path

from benchmarks.sizing import HEADER, cases

DOCS = Path(__file__).parents[3] / "docs" / "kubernetes.md"


def test_the_table_in_the_docs_is_as_computed() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert HEADER in text
    assert [case.row() for case in cases() if case.row() not in text] == []
