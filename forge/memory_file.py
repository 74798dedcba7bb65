"""Entries in an SQLite file: they survive the process, and several processes may use them at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions.errors import ForgeError

if TYPE_CHECKING:
    from forge.memory import Entry

APPLICATION = 0x466F7267  # "Forg": tells our files from other SQLite databases
VERSION = 1
WAIT_SECONDS = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (number INTEGER PRIMARY KEY, text TEXT NOT NULL, kind TEXT NOT NULL,
    source TEXT NOT NULL, stream TEXT NOT NULL, vector BLOB);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
INSERT OR IGNORE INTO facts VALUES ('cuts', '0');
"""


class MemoryFile:
    """One connection; the caller keeps threads apart. What was committed survives a killed process (write-ahead log).

    Raises:
        ForgeError: the file is no memory of ours, of another encoder, or cannot be read or written.
    """

    def __init__(self, path: str | Path, encoder: str) -> None:
        self.path = Path(path)
        with self._told("open"):
            self._connection = sqlite3.connect(
                self.path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._prepare()
        self._require_encoder(encoder)
        self._version = -1

    def _prepare(self) -> None:
        # One statement, so that another process that makes the file in between cannot be taken for a stranger.
        application, tables = self._connection.execute(
            "SELECT application_id, (SELECT count(*) FROM sqlite_master) FROM pragma_application_id"
        ).fetchone()
        if application != APPLICATION and tables:
            raise ForgeError(f"{self.path} is an SQLite database of something else: give another path")
        if self._one("PRAGMA user_version") > VERSION:
            raise ForgeError(f"{self.path} was written by a newer version of Forge: upgrade to read it")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        if application != APPLICATION:
            marks = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};"
            self._connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {marks} COMMIT;")

    def _require_encoder(self, encoder: str) -> None:
        with self.transaction():
            self._connection.execute("INSERT OR IGNORE INTO facts VALUES ('encoder', ?)", (encoder,))
        kept = self._one("SELECT value FROM facts WHERE name = 'encoder'")
        if kept != encoder:
            raise ForgeError(f"{self.path} is searched by {kept or 'words'!r}, and encoder={encoder or None!r} was "
                             "asked for: open it with the same encoder, or another file")  # fmt: skip

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Nobody else writes in between; what is done inside is kept whole or not at all."""
        with self._told("write to"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def changed(self) -> bool:
        """Whether anybody wrote since this was last asked."""
        with self._told("read"):
            version: int = self._one("PRAGMA data_version")
        changed, self._version = version != self._version, version
        return changed

    @property
    def cuts(self) -> int:
        """How often entries were taken away again."""
        return int(self._one("SELECT value FROM facts WHERE name = 'cuts'"))

    def since(self, count: int) -> Iterator[tuple[str, str, str, str, bytes | None]]:
        """Text, kind, source, stream and vector of the entries after the first `count`."""
        with self._told("read"):
            yield from self._connection.execute(
                "SELECT text, kind, source, stream, vector FROM entries WHERE number > ? ORDER BY number", (count,)
            )

    def append(self, entry: Entry, vector: bytes | None) -> None:
        """Inside a transaction."""
        self._version = -1
        row = (entry.text, entry.kind, entry.source, entry.stream, vector)
        self._connection.execute("INSERT INTO entries (text, kind, source, stream, vector) VALUES (?, ?, ?, ?, ?)", row)

    def cut(self, count: int) -> None:
        """Keep the first `count` entries; inside a transaction."""
        self._version = -1
        self._connection.execute("DELETE FROM entries WHERE number > ?", (count,))
        self._connection.execute("UPDATE facts SET value = value + 1 WHERE name = 'cuts'")

    def close(self) -> None:
        self._connection.close()

    def _one(self, query: str) -> Any:  # what is in the first column
        return self._connection.execute(query).fetchone()[0]

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ForgeError(f"cannot {what} the memory {self.path}: {error}. What it held is kept; look at the path, "
                             "its rights and the free disk") from error  # fmt: skip
