"""Plays libraries on tasks for a training: each library meets each task once, within the budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from forge.agent import Agent
from forge.budget import Meter
from forge.evaluate import evaluate
from forge.metrics import Metric
from forge.session import Session
from forge.task import Dataset, Task
from functions import Library


class BudgetSpent(Exception):
    """The budget ran out before all the sessions asked for were played; the message says which limit."""


@dataclass(slots=True)
class Rollouts:
    """Mutable: remembers every session it has played, by library version and task."""

    agent: Agent
    metric: Metric
    meter: Meter
    concurrency: int
    seed: int
    on_session: Callable[[Session], None]
    _played: dict[tuple[str, str, str], Session] = field(default_factory=dict)

    def play(self, library: Library, tasks: Sequence[Task]) -> tuple[Session, ...]:
        """The scored session of every task, in order; only what was not played before costs rollouts.

        Raises:
            BudgetSpent: sessions are missing because the budget is spent; those that were played are remembered.
        """
        missing = [task for task in tasks if _key(library, task) not in self._played]
        if missing:
            self._require_budget()
            evaluation = evaluate(
                replace(self.agent, library=library),
                Dataset(missing, metric=self.metric),
                concurrency=self.concurrency,
                seed=self.seed,
                budget=self.meter,
                on_session=self.on_session,
            )
            asked = {task.id: task for task in missing}
            self._played.update({_key(library, asked[s.task_id]): s for s in evaluation.sessions})
        sessions = self.known(library, tasks)
        if len(sessions) < len(tasks):
            self._require_budget()
        return sessions

    def known(self, library: Library, tasks: Sequence[Task]) -> tuple[Session, ...]:
        """The sessions already played, in the order of the tasks."""
        found = (self._played.get(_key(library, task)) for task in tasks)
        return tuple(session for session in found if session is not None)

    def _require_budget(self) -> None:
        if reason := self.meter.exhausted:
            raise BudgetSpent(reason)


def _key(library: Library, task: Task) -> tuple[str, str, str]:
    """The question is in it because the ids of two data sets, both counted from 0, say nothing."""
    return (library.version, task.id, task.question)
