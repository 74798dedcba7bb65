"""Finds the names of functions in token ids, never in text: an automaton (Aho and Corasick, 1975)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """A name in an action: its first id is at `start`, the first id behind it at `end`."""

    name: str
    start: int
    end: int


class Names:
    """Knows each name as one id or as several. State 0 is where nothing was seen yet."""

    def __init__(self, ids: Mapping[str, Sequence[int]]) -> None:
        self._ids = {name: tuple(sequence) for name, sequence in ids.items()}
        self._next: list[dict[int, int]] = [{}]
        self._back = [0]
        self._named = [""]
        for name, sequence in self._ids.items():
            self._grow(name, sequence)
        self._link()

    def _grow(self, name: str, sequence: Sequence[int]) -> None:
        state = 0
        for token in sequence:
            if token not in self._next[state]:
                self._next[state][token] = len(self._next)
                self._next.append({})
                self._back.append(0)
                self._named.append("")
            state = self._next[state][token]
        self._named[state] = name

    def _link(self) -> None:
        """Where to go on when the next id does not fit: the longest ending that is a beginning."""
        queue = list(self._next[0].values())
        for state in queue:
            for token, child in self._next[state].items():
                self._back[child] = self.step(self._back[state], token)
                self._named[child] = self._named[child] or self._named[self._back[child]]
                queue.append(child)

    def step(self, state: int, token: int) -> int:
        """The state after one more id."""
        while state and token not in self._next[state]:
            state = self._back[state]
        return self._next[state].get(token, 0)

    def named(self, state: int) -> str:
        """The name that ends in this state; empty where none does."""
        return self._named[state]

    def find(self, ids: Sequence[int]) -> Found | None:
        """The first name that is complete."""
        state = 0
        for place, token in enumerate(ids):
            state = self.step(state, token)
            if name := self._named[state]:
                return Found(name, place + 1 - len(self._ids[name]), place + 1)
        return None

    def ids_of(self, name: str) -> tuple[int, ...]:
        return self._ids[name]

    def __contains__(self, name: str) -> bool:
        return name in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)
