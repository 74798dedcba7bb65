"""What an optimizer is shown: the tasks, what the agent did on them, and which libraries have already failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from forge.budget import Meter
from forge.metrics import Metric
from forge.session import Session
from forge.task import Task
from functions import Library, Sandbox
from functions.edits import Edit


@dataclass(frozen=True, slots=True)
class FailedLibrary:
    """A library that was tried and not kept: what was edited, and the score it reached (None: never played)."""

    library: Library
    edits: tuple[Edit, ...]
    score: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a library did on some training tasks; `sessions[i]` is the scored session of `tasks[i]`.

    `failed` is in ascending order of score and is cleared whenever a library is accepted. `sandbox` is where an
    optimizer tries what it wrote; `meter` is told what an optimizer's own model calls cost.
    """

    tasks: tuple[Task, ...]
    sessions: tuple[Session, ...]
    metric: Metric
    sandbox: Sandbox
    meter: Meter
    failed: tuple[FailedLibrary, ...] = ()
    step: int = 0
    seed: int = 0

    @property
    def score(self) -> float:
        """The mean score of the sessions."""
        return sum(session.score or 0.0 for session in self.sessions) / len(self.sessions)


class Optimizer(Protocol):
    """Proposes edits of a library from evidence. `deterministic`: the same evidence gives the same edits."""

    @property
    def deterministic(self) -> bool: ...

    def propose(self, library: Library, evidence: Evidence) -> Sequence[Edit]:
        """The edits to try next, in order; none, or `Terminate` first, if nothing can be improved."""
        ...
