"""Groups tasks by the programs that explain them: few programs, many tasks, and no coincidences.

A program is worth its place when the tasks it newly explains could hardly be explained by chance (a code-length
argument); a task that several chosen programs explain goes to the one whose other tasks its words resemble most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from forge.models.matching import LexicalIndex
from optim.explanations import Explained, Explanation

ROUNDS = 4  # of giving tasks to the program that fits their words; few move after the third


@dataclass(frozen=True, slots=True)
class Cluster:
    """A program and the tasks (by place, in order) that it is meant to answer."""

    explanation: Explanation
    tasks: tuple[int, ...]


def cluster(explained: Explained, documents: Sequence[Sequence[str]]) -> list[Cluster]:
    """The programs worth a function, with their tasks; the largest cluster first.

    Args:
        explained: programs with the tasks that they explain.
        documents: for each task, its features as the router matches them.
    """
    chosen = covering(explained)
    labels = _first_labels(chosen, len(documents))
    for _ in range(ROUNDS):
        labels = _relabelled(chosen, labels, documents)
    groups = [tuple(place for place, label in enumerate(labels) if label == own) for own in range(len(chosen))]
    clusters = [Cluster(one, places) for one, places in zip(chosen, groups, strict=True) if places]
    return sorted(clusters, key=lambda group: (-len(group.tasks), group.explanation.rank))


def covering(explained: Explained) -> list[Explanation]:
    """A greedy cover by the bits that each program saves; it ends when no program saves any more."""
    left = set(range(len(explained.bits)))
    chosen: list[Explanation] = []
    candidates = [one for one in explained.found if len(one.right) > 1]
    while candidates:
        saved = [_bits_saved(one, left, explained.bits) for one in candidates]
        best = max(range(len(candidates)), key=lambda place: (saved[place], -candidates[place].rank))
        if saved[best] <= 0:
            break
        chosen.append(candidates[best])
        left -= candidates[best].right
        candidates = [one for one in candidates if len(one.right & left) > 1]
    return chosen


def _bits_saved(one: Explanation, left: set[int], bits: Sequence[float]) -> float:
    """-log2 of the chance that one of the `rank` cheapest programs explains what it does of the tasks left.

    Which of the tasks it explains is chosen after the fact; that, and the choice of the program, is what it costs.
    """
    explained, open_ = one.right & left, len(one.given & left)
    choices = math.lgamma(open_ + 1) - math.lgamma(len(explained) + 1) - math.lgamma(open_ - len(explained) + 1)
    return sum(bits[place] for place in explained) - choices / math.log(2) - math.log2(one.rank)


def _first_labels(chosen: Sequence[Explanation], tasks: int) -> list[int | None]:
    """Each task with the first, most explaining, program that explains it; None where none does."""
    return [next((label for label, one in enumerate(chosen) if place in one.right), None) for place in range(tasks)]


def _relabelled(
    chosen: Sequence[Explanation], labels: Sequence[int | None], documents: Sequence[Sequence[str]]
) -> list[int | None]:
    index = _index(labels, documents, len(chosen))
    renewed = list(labels)
    for place, label in enumerate(labels):
        options = [other for other, one in enumerate(chosen) if place in one.right]
        if label is not None and len(options) > 1:
            scores = index.scores_without(documents[place], label)
            renewed[place] = max(options, key=lambda option: (scores[option], -option))
    return renewed


def _index(labels: Sequence[int | None], documents: Sequence[Sequence[str]], count: int) -> LexicalIndex:
    labelled = [(label, document) for label, document in zip(labels, documents, strict=True) if label is not None]
    return LexicalIndex(labelled, count)
