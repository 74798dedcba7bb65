"""When a candidate replaces the incumbent: rules over paired scores, pure and free-standing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from forge.statistics import p_better
from functions.errors import ForgeError

Verdict = Literal["keep", "drop", "more"]
Selection = Literal["train", "validation"]
"""Where a rule's pairs come from: the tasks the optimizer was shown, or tasks split off that it never sees."""

EVERYTHING: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    """The scores, in [0, 1], of incumbent and candidate on the same task under the same seed."""

    task_id: str
    incumbent: float
    candidate: float
    repeat: int = 0
    stream: str = ""

    @property
    def difference(self) -> float:
        return self.candidate - self.incumbent


class Acceptance(Protocol):
    """`judge(pairs)`: "keep" puts the candidate in the incumbent's place, "drop" rolls back, "more" asks for more.

    Only `judge` is needed. A rule may also say `selection` ("validation" if it does not); `looks`, the numbers of pairs
    after which it is asked, each larger than the one before, () being once, when all are there; and `repeats`, how
    often a task may be played, each time under another seed, to make up a look. "more" where nothing is left is "drop".
    """

    def judge(self, pairs: Sequence[Pair]) -> Verdict: ...


def selection_of(rule: Acceptance) -> Selection:
    return getattr(rule, "selection", "validation")


def looks_of(rule: Acceptance) -> tuple[int, ...]:
    return tuple(getattr(rule, "looks", EVERYTHING))


def repeats_of(rule: Acceptance) -> int:
    return int(getattr(rule, "repeats", 1))


@dataclass(frozen=True, slots=True)
class Posterior:
    """Keep when the candidate is probably better on tasks that the optimizer has not seen.

    The pairs come in batches that grow, in an order drawn anew each step. Liberal on purpose: a strict rule here makes
    training worse, and what is shipped has a gate of its own (`optim.Release`).

    Args:
        confidence: keep at P(better) of at least this (see `forge.statistics.p_better`), with at least
        net_wins: more tasks won than lost.
        looks: pairs after which to judge; the last look decides.
        futility: drop at P(better) of at most this; or, from the second look on, with no more wins than losses,
            unless nothing differed at all.
        repeats: how often a task may be played to make up a look, for models that answer by chance.
    """

    confidence: float = 0.9
    net_wins: int = 2
    looks: tuple[int, ...] = (6, 12, 20, 30, 44, 60)
    futility: float = 0.3
    repeats: int = 1
    selection: Selection = "validation"

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1:
            raise ForgeError(f"Posterior(confidence={self.confidence}): choose from 0.5 up to, not including, 1")
        if not 0 <= self.futility <= 0.5:
            raise ForgeError(f"Posterior(futility={self.futility}): choose from 0 to 0.5")
        if self.repeats < 1:
            raise ForgeError(f"Posterior(repeats={self.repeats}): at least 1")
        if not self.looks or self.looks[0] < 1 or any(a >= b for a, b in zip(self.looks, self.looks[1:], strict=False)):
            raise ForgeError(f"Posterior(looks={self.looks}): numbers of pairs, each larger than the one before")

    def judge(self, pairs: Sequence[Pair]) -> Verdict:
        differences = by_unit(pairs)
        net = sum(d > 0 for d in differences) - sum(d < 0 for d in differences)
        better = p_better(differences)
        if net >= self.net_wins and better >= self.confidence:
            return "keep"
        late = len(pairs) >= self.looks[min(1, len(self.looks) - 1)]
        hopeless = better <= self.futility or (late and net <= 0 and any(differences))
        return "drop" if hopeless or len(pairs) >= self.looks[-1] else "more"


@dataclass(frozen=True, slots=True)
class Paper:
    """Keep on a strictly lower training loss (Algorithm 2 of arXiv 2402.11359)."""

    selection: Selection = "train"

    def judge(self, pairs: Sequence[Pair]) -> Verdict:
        return "keep" if _gain(pairs) > 1e-12 else "drop"


@dataclass(frozen=True, slots=True)
class Ties:
    """Keep on an equal or lower training loss, as AutoGen's implementation does."""

    selection: Selection = "train"

    def judge(self, pairs: Sequence[Pair]) -> Verdict:
        return "keep" if _gain(pairs) > -1e-12 else "drop"


@dataclass(frozen=True, slots=True)
class Minibatch:
    """Keep on a strict gain on a small batch, confirmed by a strict gain on a larger one, as GEPA does.

    Args:
        size: tasks of the small batch (GEPA's 3).
        confirmation: tasks that confirm.
    """

    size: int = 3
    confirmation: int = 30
    selection: Selection = "validation"

    def __post_init__(self) -> None:
        if self.size < 1 or self.confirmation < 1:
            raise ForgeError(f"Minibatch({self.size}, {self.confirmation}): at least 1 task each")

    @property
    def looks(self) -> tuple[int, ...]:
        return (self.size, self.size + self.confirmation)

    def judge(self, pairs: Sequence[Pair]) -> Verdict:
        first, confirming = pairs[: self.size], pairs[self.size :]
        if _gain(first) <= 1e-12:
            return "drop"
        if not confirming:
            return "more"
        return "keep" if _gain(confirming) > 1e-12 else "drop"


@dataclass(frozen=True, slots=True)
class Always:
    """Keep everything: training without roll-back, the paper's ablation."""

    selection: Selection = "train"

    def judge(self, pairs: Sequence[Pair]) -> Verdict:
        return "keep"


def by_unit(pairs: Sequence[Pair]) -> list[float]:
    """The mean difference on each independent unit: a stream, or a task, over all its repeats."""
    found: dict[tuple[str, str], list[float]] = {}
    for pair in pairs:
        found.setdefault(("stream", pair.stream) if pair.stream else ("task", pair.task_id), []).append(pair.difference)
    return [math.fsum(values) / len(values) for values in found.values()]


def _gain(pairs: Sequence[Pair]) -> float:
    return math.fsum(pair.difference for pair in pairs)


def table(pairs: Sequence[Pair]) -> Mapping[str, Any]:
    """A comparison in numbers, for logs: JSON values only."""
    differences = by_unit(pairs)
    return {
        "pairs": len(pairs),
        "wins": sum(d > 0 for d in differences),
        "losses": sum(d < 0 for d in differences),
        "p_better": round(p_better(differences), 4),
    }
