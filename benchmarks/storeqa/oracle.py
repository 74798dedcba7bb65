"""The best that can be reached: every skill perfect, and asking where it pays on average over shops."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import forge
from forge.models.protocol import Context
from forge.session import Action, Call


class Oracle:
    """A model that looks up, searches, computes and remembers without error, and asks an expert exactly where that is
    optimal for one who knows how shops are drawn but not what this shop's experts think.

    Subjects are independent, so each is a problem of its own: a question about it comes with a known rate, asking
    costs c once and makes all later answers right, a guess is right as often as the likeliest answer is. `ask_now`
    solves it by backward induction.

    Args:
        tasks: whole streams, in order.
        cost: of advice.
    """

    name = "oracle"

    def __init__(self, tasks: forge.Dataset, cost: float) -> None:
        self._tasks = {task.id: task for task in tasks}
        self.asked: set[str] = set()  # ids of the tasks on which it asks
        for stream in tasks.streams().values():
            known: set[str] = set()
            for task in stream:
                subject = task.metadata.get("subject")
                if subject is None or subject in known:
                    continue
                if ask_now(task.metadata["left"], task.metadata["rate"], task.metadata["sure"], cost):
                    self.asked.add(task.id)
                    known.add(subject)
        self._known = {
            task.id
            for stream in tasks.streams().values()
            for place, task in enumerate(stream)
            if any(
                earlier.id in self.asked and earlier.metadata["subject"] == task.metadata.get("subject")
                for earlier in stream[:place]
            )
        }

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        return [self._one(context) for context in contexts]

    def _one(self, context: Context) -> Action:
        task = self._tasks[context.task_id]
        if task.id in self.asked and not context.steps:
            return Action(calls=(Call("seek_advice"),))
        guesses = "subject" in task.metadata and task.id not in self.asked and task.id not in self._known
        return Action(calls=(Call("submit", {"answer": task.metadata["likely"] if guesses else task.answer}),))


def ask_now(left: int, rate: float, sure: float, cost: float) -> bool:
    """Whether asking is at least as good as guessing.

    Args:
        left: questions of the stream still to come.
        rate: chance that each of them is about the same subject.
        sure: chance that the likeliest answer is right.
    """
    return 1 - cost + rate * left >= sure + _unknown(left, rate, sure, cost)


@lru_cache(maxsize=65_536)
def _unknown(left: int, rate: float, sure: float, cost: float) -> float:
    """What is expected from a subject that nobody was asked about, over the questions to come."""
    value = 0.0
    for still in range(left):
        value = (1 - rate) * value + rate * max(1 - cost + rate * still, sure + value)
    return value
