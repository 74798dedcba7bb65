"""What an agent keeps from one task to the next: entries, found again by their words."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from functions.errors import ForgeError

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing remembered. `kind`: knowledge, question-answer, reflection, or a word of the user's own."""

    text: str
    kind: str = "knowledge"
    source: str = ""


class Memory:
    """Entries in the order they came. Mutable; a fork is O(1) and neither side sees what the other adds later."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []  # shared with forks; this memory owns the first `_length`
        self._length = 0
        self._digest = hashlib.sha256(b"memory").hexdigest()

    def add(self, text: str, *, kind: str = "knowledge", source: str = "") -> Entry:
        if not isinstance(text, str) or not text.strip():
            raise ForgeError(f"memory cannot keep {text!r}: give a non-empty text")
        entry = Entry(text, kind, source)
        if len(self._entries) != self._length:  # a fork went on from here: go on in a list of our own
            self._entries = self._entries[: self._length]
        self._entries.append(entry)
        self._length += 1
        record = f"{self._digest}\0{kind}\0{source}\0{text}".encode("utf-8", "surrogatepass")
        self._digest = hashlib.sha256(record).hexdigest()
        return entry

    def search(self, query: str, k: int = 3) -> list[Entry]:
        """The `k` entries most alike in words (BM25), best first; none that shares no word; ties: newest first."""
        wanted = set(_words(query))
        entries = list(self)
        documents = [Counter(_words(entry.text)) for entry in entries]
        if not wanted or not documents:
            return []
        average = sum(map(Counter.total, documents)) / len(documents)
        rarity = {word: _rarity(sum(word in document for document in documents), len(documents)) for word in wanted}
        scored = [(_bm25(document, rarity, average), number) for number, document in enumerate(documents)]
        best = sorted((pair for pair in scored if pair[0] > 0), reverse=True)[:k]
        return [entries[number] for _, number in best]

    def since(self, count: int) -> list[Entry]:
        """The entries after the first `count`."""
        return self._entries[count : self._length]

    def fork(self) -> Memory:
        """A memory with the same entries that goes its own way from here."""
        fork = Memory()
        fork._entries, fork._length, fork._digest = self._entries, self._length, self._digest
        return fork

    @property
    def digest(self) -> str:
        """A content hash of the entries, in order."""
        return self._digest

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries[: self._length])


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _rarity(holding: int, total: int) -> float:
    return math.log(1 + (total - holding + 0.5) / (holding + 0.5))


def _bm25(document: Counter[str], rarity: dict[str, float], average: float) -> float:
    """Okapi BM25 with k1 = 1.2 and b = 0.75 (Robertson and Zaragoza, 2009)."""
    weight = 1.2 * (0.25 + 0.75 * document.total() / average)
    found = [(rarity[word], document[word]) for word in rarity if document[word]]
    return math.fsum(weight_of * count * 2.2 / (count + weight) for weight_of, count in found)
