"""SQL that agents write, on tables that they may read and do nothing else with."""

from __future__ import annotations

import sqlite3
import threading
from typing import Any

_READING = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_STRIDE = 1_000_000  # steps of SQLite's machine between two looks at what is left


class ReadOnly:
    """Any thread may query it. No query writes, sets a pragma, attaches a file or takes forever.

    Args:
        database: filled, and opened with `check_same_thread=False`; nobody else uses it any more.
        steps: of SQLite's machine that a query may take; the default is about a second.
    """

    def __init__(self, database: sqlite3.Connection, *, steps: int = 50 * _STRIDE) -> None:
        self._database, self._steps, self._lock = database, steps, threading.Lock()
        database.commit()
        database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY)

    def query(self, sql: str, *, rows: int = 1_000) -> list[tuple[Any, ...]]:
        """At most so many rows of what one SELECT finds.

        Raises:
            sqlite3.Error: it is no statement, not allowed, or takes too long ("interrupted").
        """
        left = iter(range(self._steps // _STRIDE))
        with self._lock:
            self._database.set_progress_handler(lambda: next(left, None) is None, _STRIDE)
            return self._database.execute(sql).fetchmany(rows)
