"""What an optimizer is shown: the tasks, what the agent did on them, and what has already failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from forge.budget import Meter
from forge.metrics import Metric
from forge.models.chat import ChatRequest, Reply
from forge.session import Session
from forge.task import Task
from functions import Library, Sandbox
from optim.filters import Refusal, Screen
from optim.version import Change


@dataclass(frozen=True, slots=True)
class FailedLibrary:
    """A library that was tried and not kept: what was changed, and the score it reached (None: never played)."""

    library: Library
    edits: tuple[Change, ...]
    score: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Contrast:
    """The same task once solved and once failed, by versions of which one is the present one."""

    task: Task
    solved: Session
    failed: Session
    change: str  # what differs, in words


class Replies(Protocol):
    """Replies of an optimizer's model in a run that is resumed: none is paid for twice."""

    def known(self, request: ChatRequest) -> Reply | None: ...

    def keep(self, request: ChatRequest, reply: Reply) -> None: ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a library did on some training tasks; `sessions[i]` is the scored session of `tasks[i]`.

    `failed` is in ascending order of score and is cleared whenever a library is accepted; `refused` are changes that
    the free checks turned down since then. `sandbox` is where an optimizer tries what it wrote, `screen` the checks
    that its edits must pass, `meter` is told what its own model calls cost, `refuse` which of its edits it gave
    up, and `replies` remembers its model's.
    """

    tasks: tuple[Task, ...]
    sessions: tuple[Session, ...]
    metric: Metric
    sandbox: Sandbox
    meter: Meter
    failed: tuple[FailedLibrary, ...] = ()
    step: int = 0
    seed: int = 0
    refused: tuple[Refusal, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    instructions: str = ""
    screen: Screen | None = None
    refuse: Callable[[Refusal], None] = field(default=lambda refusal: None)
    replies: Replies | None = None

    @property
    def score(self) -> float:
        """The mean score of the sessions."""
        return sum(session.score or 0.0 for session in self.sessions) / len(self.sessions)

    @property
    def checks(self) -> Screen:
        """The checks that edits must pass; those without recorded calls where none were given."""
        return self.screen if self.screen is not None else Screen(self.sandbox)


class Optimizer(Protocol):
    """Proposes changes from evidence. `deterministic`: the same evidence gives the same changes."""

    @property
    def deterministic(self) -> bool: ...

    def propose(self, library: Library, evidence: Evidence) -> Sequence[Change]:
        """The changes to try next, in order; none, or `Terminate` first, if nothing can be improved."""
        ...
