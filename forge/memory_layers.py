"""The entries of memories that share a past: layers that only grow, and views of their beginnings."""

from __future__ import annotations

import hashlib
import re
import threading
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from forge.memory import Entry

SMALL = 32  # entries of a layer that are copied rather than pointed to, so that chains stay short
_DIGEST = 32  # bytes
_WORD = re.compile(r"[^\W_]+")


class Layer:
    """Entries behind a view of another layer, with their words and vectors. Mutable: only grows, under `lock`."""

    def __init__(self, parent: View | None) -> None:
        self.parent = parent
        self.start = 0 if parent is None else parent.length
        self.entries: list[Entry] = []
        self.postings: dict[str, tuple[array[int], array[int]]] = {}  # a word's entries, and how often it is in each
        self.words: array[int] = array("i")  # in each entry
        self.words_until = array("q", [0 if parent is None else parent.words])  # in the first n entries of all layers
        self.digests = bytearray(hashlib.sha256(b"memory").digest() if parent is None else parent.digest_bytes)
        self.vectors: np.ndarray | None = None
        self.lock = threading.Lock()

    def append(self, entry: Entry, vector: np.ndarray | None) -> None:
        """What a reader finds by `entries` comes last, so that readers need no lock."""
        number, words = len(self.entries), words_of(entry.text)
        for word, count in Counter(words).items():
            numbers, counts = self.postings.setdefault(word, (array("i"), array("i")))
            counts.append(count)
            numbers.append(number)
        self.words.append(len(words))
        self.words_until.append(self.words_until[-1] + len(words))
        record = f"\0{entry.kind}\0{entry.source}\0{entry.stream}\0{entry.text}".encode("utf-8", "surrogatepass")
        self.digests += hashlib.sha256(self.digests[-_DIGEST:] + record).digest()
        if vector is not None:
            self._keep(vector, number)
        self.entries.append(entry)

    def _keep(self, vector: np.ndarray, number: int) -> None:
        import numpy as np

        if self.vectors is None:
            self.vectors = np.zeros((8, len(vector)), dtype=np.float32)
        elif number == len(self.vectors):
            self.vectors = np.concatenate([self.vectors, np.zeros_like(self.vectors)])
        self.vectors[number] = vector


@dataclass(frozen=True, slots=True)
class View:
    """The first `length` entries of a layer and those before it. What is added later is never seen."""

    layer: Layer
    length: int = 0

    def extended(self, entry: Entry, vector: np.ndarray | None) -> View:
        """A view with one entry more; of this layer if nobody else went on from here."""
        with self.layer.lock:
            if len(self.layer.entries) == self._own:
                self.layer.append(entry, vector)
                return View(self.layer, self.length + 1)
        return self._branch().extended(entry, vector)

    def _branch(self) -> View:
        if self._own > SMALL or self.layer.parent is None:
            return View(Layer(self if self.length else None), self.length)
        view = View(Layer(self.layer.parent), self.layer.start)
        for number in range(self._own):
            vector = None if self.layer.vectors is None else self.layer.vectors[number]
            view = view.extended(self.layer.entries[number], vector)
        return view

    @property
    def _own(self) -> int:
        """How many of the entries are in the layer itself."""
        return self.length - self.layer.start

    def layers(self) -> Iterator[tuple[Layer, int]]:
        """Each layer with how many of its entries are seen, newest first."""
        view: View | None = self
        while view is not None:
            yield view.layer, view._own
            view = view.layer.parent

    def since(self, count: int) -> list[Entry]:
        """The entries after the first `count`."""
        parts = []
        for layer, seen in self.layers():
            parts.append(layer.entries[max(0, count - layer.start) : seen])
            if layer.start <= count:
                break
        return [entry for part in reversed(parts) for entry in part]

    @property
    def words(self) -> int:
        """In all entries."""
        return self.layer.words_until[self._own]

    @property
    def digest_bytes(self) -> bytes:
        return self.digest_at(self.length)

    def digest_at(self, length: int) -> bytes:
        """Of the first `length` entries, in order."""
        for layer, _ in self.layers():
            if length >= layer.start:
                place = (length - layer.start) * _DIGEST
                return bytes(layer.digests[place : place + _DIGEST])
        raise AssertionError("layers begin at 0")


def words_of(text: str) -> list[str]:
    """The words that search goes by."""
    return _WORD.findall(text.casefold())
