"""One step of a training: what was proposed on which parent, how it did, and what was decided."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from forge.session import Usage
from functions import Library
from optim.acceptance import Pair, table
from optim.filters import Refusal
from optim.version import Change, Version, describe

Decision = Literal["keep", "drop", "refuse", "none"]


@dataclass(frozen=True, slots=True)
class Trial:
    """`decision`: "keep", "drop" (roll-back), "refuse" (`reason` says why; nothing was played), "none" (no changes).

    `edits` are those that were tried; `refused` those that the free checks turned down in this step, the optimizer's
    own attempts among them. `shown` are the ids of the tasks that the optimizer saw, `shown_score` their mean score.
    """

    step: int
    before: Version
    after: Version
    edits: tuple[Change, ...]
    decision: Decision
    pairs: tuple[Pair, ...] = ()
    reason: str = ""
    refused: tuple[Refusal, ...] = ()
    merged: bool = False
    shown: tuple[str, ...] = ()
    shown_score: float = 0.0
    cost: Usage = Usage()
    rollouts: int = 0
    spent: int = 0  # rollouts of the training, this step included

    @property
    def parent(self) -> Library:
        return self.before.library

    @property
    def library(self) -> Library:
        return self.after.library

    @property
    def parent_score(self) -> float | None:
        return math.fsum(pair.incumbent for pair in self.pairs) / len(self.pairs) if self.pairs else None

    @property
    def score(self) -> float | None:
        return math.fsum(pair.candidate for pair in self.pairs) / len(self.pairs) if self.pairs else None

    def summary(self) -> dict[str, Any]:
        """For the event log: JSON values only."""
        return {
            "step": self.step,
            "parent": self.before.key,
            "version": self.after.key,
            "library": self.library.version,
            "decision": self.decision,
            "parent_score": self.parent_score,
            "score": self.score,
            "tasks": len(self.pairs),
            "table": table(self.pairs) if self.pairs else None,
            "edits": [describe(edit) for edit in self.edits],
            "merged": self.merged,
            "refused": len(self.refused),
            "reason": self.reason,
        }
