"""How alike texts are: the cosine of their words' weights, or of a user's own vectors."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Embed = Callable[[Sequence[str]], Any]  # texts to a matrix, a row each
_WORD = re.compile(r"[^\W_]+")


def similarity(first: Sequence[str], second: Sequence[str], embed: Embed | None = None) -> np.ndarray:
    """Cosines, `first` by `second`. Without `embed`, of words weighted by their rarity among all of these texts."""
    if not first or not second:
        return np.zeros((len(first), len(second)))
    vectors = np.asarray(embed([*first, *second]), dtype=float) if embed is not None else _weighted([*first, *second])
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(norms > 0, norms, 1.0)
    return units[: len(first)] @ units[len(first) :].T


def _weighted(texts: Sequence[str]) -> np.ndarray:
    counts = [Counter(_WORD.findall(text.casefold())) for text in texts]
    found = Counter(word for count in counts for word in count)
    columns = {word: column for column, word in enumerate(found)}
    vectors = np.zeros((len(texts), max(1, len(columns))))
    for row, count in enumerate(counts):
        for word, number in count.items():
            vectors[row, columns[word]] = number * (math.log((1 + len(texts)) / (1 + found[word])) + 1)
    return vectors
