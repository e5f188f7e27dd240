"""Which SQL statements a store is asked while something goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from serve.jobs.database import Engines


@contextmanager
def statements(engines: Engines) -> Iterator[list[str]]:
    """All that are sent, by whomever, in this list."""
    told: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        told.append(statement)

    engine_kinds = (engines.reader, engines.once_writer, engines.writer)
    listened = {engine.sync_engine for engine in engine_kinds}  # some databases share one
    for engine in listened:
        event.listen(engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        for engine in listened:
            event.remove(engine, "before_cursor_execute", note)
