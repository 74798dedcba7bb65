"""When a candidate library replaces the incumbent: rules over paired scores, pure and free-standing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from forge.statistics import p_better
from functions.errors import ForgeError

Verdict = Literal["keep", "drop"]
Selection = Literal["train", "validation"]
"""Where a rule's pairs come from: the tasks the optimizer was shown, or tasks split off that it never sees."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The scores, in [0, 1], of incumbent and candidate on the same task under the same seed."""

    task_id: str
    incumbent: float
    candidate: float

    @property
    def difference(self) -> float:
        return self.candidate - self.incumbent


class Acceptance(Protocol):
    """`judge(pairs)`: "keep" puts the candidate in the incumbent's place, "drop" rolls back."""

    @property
    def selection(self) -> Selection: ...

    def judge(self, pairs: Sequence[Pair]) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Paper:
    """Keep on a strictly lower training loss (Algorithm 2 of arXiv 2402.11359)."""

    selection: Selection = "train"

    def judge(self, pairs: Sequence[Pair]) -> Verdict:
        return "keep" if math.fsum(pair.difference for pair in pairs) > 1e-12 else "drop"


@dataclass(frozen=True, slots=True)
class Ties:
    """Keep on an equal or lower training loss, as AutoGen's implementation does."""

    selection: Selection = "train"

    def judge(self, pairs: Sequence[Pair]) -> Verdict:
        return "keep" if math.fsum(pair.difference for pair in pairs) > -1e-12 else "drop"


@dataclass(frozen=True, slots=True)
class Posterior:
    """Keep when the candidate is probably better on tasks that the optimizer has not seen.

    Args:
        confidence: keep at P(better) of at least this, with at least `net_wins` more tasks won than lost.
    """

    confidence: float = 0.9
    net_wins: int = 2
    selection: Selection = "validation"

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1:
            raise ForgeError(f"Posterior(confidence={self.confidence}): choose from 0.5 up to, not including, 1")

    def judge(self, pairs: Sequence[Pair]) -> Verdict:
        differences = [pair.difference for pair in pairs]
        net = sum(d > 0 for d in differences) - sum(d < 0 for d in differences)
        return "keep" if net >= self.net_wins and p_better(differences) >= self.confidence else "drop"
