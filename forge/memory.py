"""What an agent keeps from one task to the next: entries, found again by their words or their meaning."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge.encoder import Encode, Encoder
from forge.memory_file import MemoryFile
from forge.memory_layers import Layer, View, words_of
from forge.memory_search import by_vector, by_words
from functions.errors import ForgeError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing remembered.

    Args:
        kind: "knowledge", "question-answer", "reflection", or a word of the user's own.
        source: the task that it comes from.
        stream: the stream of that task.
    """

    text: str
    kind: str = "knowledge"
    source: str = ""
    stream: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of a memory, to go back to."""

    view: View

    @property
    def digest(self) -> str:
        return self.view.digest_bytes.hex()


class Memory:
    """Entries in the order they came. Mutable. Forks, snapshots and going back take constant time, whatever is held;
    what one fork adds, no other sees.

    Args:
        path: an SQLite file that keeps the entries; several processes may use one. None keeps them in this process.
            Forks of a memory in a file are in the process.
        encoder: search by meaning: the name of a sentence-transformers model (extra `dense`), or a callable that
            makes a matrix of a list of texts. None searches by words.
        threshold: the least cosine to what is searched for, between -1 and 1, of an entry that is found; with an
            encoder only. None finds the most alike, however little that is.

    Raises:
        ForgeError: the file is no memory, or one of another encoder; a threshold out of range, or without an encoder.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        encoder: str | Encode | Any = None,
        threshold: float | None = None,
    ) -> None:
        if threshold is not None and encoder is None:
            raise ForgeError(f"Memory(threshold={threshold!r}): entries are found by words; give an encoder= as well")
        if threshold is not None and not -1 <= threshold <= 1:
            raise ForgeError(f"Memory(threshold={threshold!r}): give a cosine between -1 and 1")
        self._threshold = threshold
        self._encoder = None if encoder is None else encoder if isinstance(encoder, Encoder) else Encoder(encoder)
        self._view = View(Layer(None))
        self._lock = threading.RLock()
        self._cuts = 0
        self._file = None
        if path is not None:
            self._file = MemoryFile(path, "" if self._encoder is None else self._encoder.name)
            self._catch_up()

    def add(self, text: str, *, kind: str = "knowledge", source: str = "", stream: str = "") -> Entry:
        """Raises:
        ForgeError: the text is empty, or the file cannot be written: then the entry is not kept.
        """
        if not isinstance(text, str) or not text.strip():
            raise ForgeError(f"memory cannot keep {text!r}: give a non-empty text")
        entry = Entry(text, kind, source, stream)
        vector = None if self._encoder is None else self._encode(text)
        with self._lock:
            if self._file is None:
                self._extend(entry, vector)
            else:
                with self._file.transaction():
                    self._file.append(entry, None if vector is None else vector.tobytes())
                self._catch_up()
        return entry

    def search(self, query: str, k: int = 3) -> list[Entry]:
        """The `k` entries most alike, best first, ties newest first. By words: BM25, none that shares no word; with an
        encoder: the cosine, none below the threshold."""
        view = self._now()
        if k < 1 or not len(self):
            return []
        if self._encoder is not None:
            numbers = by_vector(view, self._encode(query), k, self._threshold)
        else:
            numbers = by_words(view, words_of(query), k)
        return [_entry(view, number) for number in numbers]

    def since(self, count: int) -> list[Entry]:
        """The entries after the first `count`."""
        return self._now().since(count)

    def fork(self) -> Memory:
        """A memory in this process with the same entries, that goes its own way from here."""
        fork = Memory(encoder=self._encoder, threshold=self._threshold)
        fork._view = self._now()
        return fork

    def snapshot(self) -> Snapshot:
        """What it holds now."""
        return Snapshot(self._now())

    def restore(self, snapshot: Snapshot) -> None:
        """Hold what it held then.

        Raises:
            ForgeError: the memory is kept in a file, and the snapshot is no earlier state of it.
        """
        with self._lock:
            if self._file is not None:
                with self._file.transaction():
                    self._catch_up()
                    now, length = self._view, snapshot.view.length
                    if length > now.length or now.digest_at(length) != snapshot.view.digest_bytes:
                        raise ForgeError(f"the memory {self._file.path} never held what this snapshot holds: only an "
                                         "earlier state of the file can be restored")  # fmt: skip
                    self._file.cut(length)
                    self._cuts = self._file.cuts
            self._view = snapshot.view

    @property
    def digest(self) -> str:
        """A content hash of the entries, in order."""
        return self._now().digest_bytes.hex()

    def close(self) -> None:
        """Let go of the file, if there is one."""
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return self._now().length

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.since(0))

    def _encode(self, text: str) -> np.ndarray:
        assert self._encoder is not None
        vector = self._encoder.encode([text])[0]
        held = next((layer.vectors.shape[1] for layer, _ in self._now().layers() if layer.vectors is not None), None)
        if held not in (None, len(vector)):
            raise ForgeError(f"the encoder {self._encoder.name!r} gives vectors of {len(vector)} numbers, and memory "
                             f"holds some of {held}: use the encoder that it was written with")  # fmt: skip
        vector_of: np.ndarray = vector
        return vector_of

    def _now(self) -> View:
        if self._file is not None:
            with self._lock:
                self._catch_up()
        return self._view

    def _catch_up(self) -> None:
        """Read what other processes did."""
        assert self._file is not None
        if not self._file.changed():
            return
        if (cuts := self._file.cuts) != self._cuts:
            self._cuts, self._view = cuts, View(Layer(None))
        for *row, blob in self._file.since(self._view.length):
            self._extend(Entry(*row), _vector(blob))

    def _extend(self, entry: Entry, vector: np.ndarray | None) -> None:
        self._view = self._view.extended(entry, vector)


def _entry(view: View, number: int) -> Entry:
    return next(layer.entries[number - layer.start] for layer, _ in view.layers() if number >= layer.start)


def _vector(blob: bytes | None) -> np.ndarray | None:
    import numpy as np

    return None if blob is None else np.frombuffer(blob, dtype=np.float32)
