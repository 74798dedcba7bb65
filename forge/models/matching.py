"""Which function a question is for: a naive Bayes index over functions' names, descriptions and examples."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from forge.models.reading import Reading, read
from forge.models.words import FUNCTION_WORDS

SMOOTHING = 0.1  # pseudo-count of a feature that a function has never been seen with
_EXAMPLES = re.compile(r"\n[ \t]*Examples?:[ \t]*\n", re.IGNORECASE)
_BULLET = re.compile(r"(?P<indent>[ \t]*)[-*•][ \t]+(?P<text>.*)")
_ARROWS = (" -> ", " → ", " => ")


def features(reading: Reading) -> tuple[str, ...]:
    """What a question is matched by: its words, pairs and pairs with a gap, and which numbers the question asks about.

    Numbers and quoted strings are masked, so that a question matches an example with other numbers.
    """
    tokens = reading.tokens
    found = dict.fromkeys(tokens)
    found.update(dict.fromkeys(map(" ".join, pairwise(tokens))))
    found.update(dict.fromkeys(map(" … ".join, zip(tokens, tokens[2:], strict=False))))
    found["numbers " + "".join("1" if near else "0" for near in reading.relevant)] = None
    if reading.table is not None:
        found["table"] = None
    return tuple(found)


def documents(name: str, description: str) -> list[tuple[str, ...]]:
    """The features of each text that describes a function: its name with its description, then each example."""
    prose, examples = examples_of(description)
    return [features(read(text)) for text in (name.replace("_", " ") + ". " + prose, *examples)]


def examples_of(description: str) -> tuple[str, list[str]]:
    """A description's prose, and its examples: the bullets under a line "Examples:", without the answers.

    A line indented deeper than its bullet goes on with the example; what follows the last arrow is its answer.
    """
    prose, *rest = _EXAMPLES.split("\n" + description, maxsplit=1)
    examples: list[str] = []
    indent = ""
    for line in rest[0].splitlines() if rest else ():
        bullet = _BULLET.match(line)
        if bullet and (not examples or bullet["indent"] == indent):
            indent = bullet["indent"]
            examples.append(bullet["text"])
        elif examples and line.strip():
            examples[-1] += "\n" + line.strip()
    return prose.strip(), [_without_answer(example) for example in examples]


def _without_answer(example: str) -> str:
    arrow = max(example.rfind(arrow) for arrow in _ARROWS)
    return example if arrow < 0 or "\n" in example[arrow:] else example[:arrow].rstrip()


class LexicalIndex:
    """Scores a question against labels 0, 1, ..., each with documents: multinomial naive Bayes on present features.

    `score(label) = log P(label) + sum over known features f of log P(f | label)`, probabilities smoothed by SMOOTHING.
    """

    def __init__(self, labelled: Iterable[tuple[int, Sequence[str]]], labels: int) -> None:
        self._counts: dict[str, Counter[int]] = {}
        self._documents = [0] * labels
        self._totals = [0] * labels
        for label, document in labelled:
            self._documents[label] += 1
            self._totals[label] += len(document)
            for feature in document:
                self._counts.setdefault(feature, Counter())[label] += 1
        everything = max(1, sum(self._documents))
        self._prior = [math.log(max(n, SMOOTHING) / everything) for n in self._documents]
        size = SMOOTHING * max(1, len(self._counts))
        self._absent = [math.log(SMOOTHING / (total + size)) for total in self._totals]
        self._present = {
            feature: tuple((label, math.log1p(n / SMOOTHING)) for label, n in counts.items())
            for feature, counts in self._counts.items()
        }

    def scores(self, document: Sequence[str]) -> list[float]:
        """A score for each label, higher is better; only differences mean something."""
        known = [found for feature in document if (found := self._present.get(feature))]
        scores = [prior + len(known) * absent for prior, absent in zip(self._prior, self._absent, strict=True)]
        for weights in known:
            for label, weight in weights:
                scores[label] += weight
        return scores

    def scores_without(self, document: Sequence[str], label: int) -> list[float]:
        """The scores as if `document` were not among those of `label`: for judging a label by the others."""
        scores = self.scores(document)
        others = self._documents[label] - 1
        if others < 1:
            scores[label] = -math.inf
            return scores
        size = self._totals[label] - len(document) + SMOOTHING * len(self._counts)
        counts = (self._counts[feature][label] - 1 for feature in document)
        scores[label] = math.log(others / sum(self._documents)) + sum(math.log((n + SMOOTHING) / size) for n in counts)
        return scores

    def shares_a_word(self, document: Sequence[str]) -> set[int]:
        """The labels whose documents have a content word of the question."""
        words = (f for f in document if f.isalpha() and f not in FUNCTION_WORDS)
        return {label for word in words for label in self._counts.get(word, ())}
