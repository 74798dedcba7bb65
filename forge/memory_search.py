"""Search in memory: by words (BM25) or by vectors. Exact: the same entries as when all were scored."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forge.memory_layers import Layer, View

if TYPE_CHECKING:
    import numpy as np

K1, B = 1.2, 0.75


def by_words(view: View, wanted: Iterable[str], k: int) -> list[int]:
    """Numbers of the `k` entries with the highest Okapi BM25 (Robertson and Zaragoza, 2009), best first, ties newest
    first; none that has none of the words.

    Words are scored from the rarest on. As soon as those that are left could not lift a new entry among the first
    `k`, they are looked up only in the entries that still can be (MaxScore, Turtle and Flood, 1995).
    """
    import numpy as np

    layers = list(view.layers())
    found = [(hits, sum(hit.count for hit in hits)) for word in sorted(set(wanted)) if (hits := _hits(layers, word))]
    found.sort(key=lambda item: item[1])
    if not found:
        return []
    average = view.words / view.length
    weights = [_rarity(holding, view.length) for _, holding in found]
    scores = np.zeros(view.length)
    for place, (hits, _) in enumerate(found):
        for hit in hits:
            numbers, counts = hit.arrays()
            scores[numbers + hit.layer.start] += _scored(weights[place], counts, hit.lengths(numbers), average)
        rest = math.fsum(weights[place + 1 :]) * (K1 + 1)  # more than any entry can still gain
        if place + 1 < len(found) and (kept := _in_reach(scores, k, rest)) is not None:
            for later in range(place + 1, len(found)):
                _add_to(scores, kept, found[later][0], weights[later], average)
            return _best(scores, kept, k)
    return _best(scores, np.flatnonzero(scores > 0), k)


def by_vector(view: View, vector: np.ndarray, k: int, threshold: float | None = None) -> list[int]:
    """Numbers of the `k` entries with the highest cosine, none below the threshold, best first, ties newest first."""
    import numpy as np

    scores = np.zeros(view.length, dtype=np.float32)
    for layer, seen in view.layers():
        if seen and layer.vectors is not None:
            scores[layer.start : layer.start + seen] = layer.vectors[:seen] @ vector
    near = np.arange(view.length) if threshold is None else np.flatnonzero(scores >= np.float32(threshold))
    return _best(scores, near, k)


@dataclass(frozen=True, slots=True)
class _Hits:
    """A word in the entries of a layer. Arrays are copied, since they must not be looked into while they grow."""

    layer: Layer
    numbers: array[int]
    counts: array[int]
    count: int

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        return np.array(self.numbers)[: self.count], np.array(self.counts)[: self.count]

    def lengths(self, numbers: np.ndarray) -> np.ndarray:
        """Words in these entries."""
        import numpy as np

        if len(numbers) < len(self.layer.words) // 256:
            return np.array([self.layer.words[number] for number in numbers.tolist()])
        lengths: np.ndarray = np.array(self.layer.words)[numbers]
        return lengths


def _hits(layers: list[tuple[Layer, int]], word: str) -> list[_Hits]:
    found = []
    for layer, seen in layers:
        if (pair := layer.postings.get(word)) and (count := bisect_left(pair[0], seen)):
            found.append(_Hits(layer, *pair, count))
    return found


def _in_reach(scores: np.ndarray, k: int, rest: float) -> np.ndarray | None:
    """The entries that can still be among the first `k` when each may gain `rest`; None while any can."""
    import numpy as np

    touched = np.flatnonzero(scores > 0)
    if len(touched) < k:
        return None
    own = scores[touched]
    kth = np.partition(own, -k)[-k]
    return touched[own >= kth - rest] if kth > rest else None


def _rarity(holding: int, total: int) -> float:
    return math.log(1 + (total - holding + 0.5) / (holding + 0.5))


def _scored(weight: float, counts: np.ndarray, lengths: np.ndarray, average: float) -> np.ndarray:
    scores: np.ndarray = weight * (K1 + 1) * counts / (counts + K1 * (1 - B) + (K1 * B / average) * lengths)
    return scores


def _add_to(scores: np.ndarray, kept: np.ndarray, hits: list[_Hits], weight: float, average: float) -> None:
    """Score one more word, in some entries alone."""
    import numpy as np

    for hit in hits:
        own = kept[(kept >= hit.layer.start) & (kept < hit.layer.start + len(hit.layer.words))] - hit.layer.start
        if len(own) < hit.count // 256:
            places = np.array([bisect_left(hit.numbers, number) for number in own.tolist()], dtype=np.int64)
            inside = places < hit.count
            own, places = own[inside], places[inside]
            pairs = [(hit.numbers[place], hit.counts[place]) for place in places.tolist()]
            numbers, counts = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        else:
            numbers, counts = hit.arrays()
            places = np.searchsorted(numbers, own)
            inside = places < hit.count
            own, places = own[inside], places[inside]
            numbers, counts = numbers[places], counts[places]
        own, counts = own[numbers == own], counts[numbers == own]
        scores[own + hit.layer.start] += _scored(weight, counts, hit.lengths(own), average)


def _best(scores: np.ndarray, candidates: np.ndarray, k: int) -> list[int]:
    import numpy as np

    own = scores[candidates]
    if len(own) > k:
        kept = own >= np.partition(own, -k)[-k]
        candidates, own = candidates[kept], own[kept]
    order = np.lexsort((-candidates, -own))[:k]
    best: list[int] = candidates[order].tolist()
    return best
