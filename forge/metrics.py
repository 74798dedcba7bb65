"""How an answer is scored: a metric reads the task and the session and gives a number in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from forge.session import Session
    from forge.task import Task


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's verdict: `value` in [0, 1], and words for the optimizer on why."""

    value: float
    feedback: str = ""


class Metric(Protocol):
    """`metric(task, session)`: how right the session's answer is, in [0, 1]."""

    def __call__(self, task: Task, session: Session) -> float | bool | Score: ...


def exact_match(task: Task, session: Session) -> bool:
    """Equal texts, case and white space folded."""
    return _folded(session.answer) == _folded(task.answer)


def _folded(value: object) -> str:
    return "" if value is None else " ".join(str(value).casefold().split())
