"""Advice in the first tasks of a stream only."""

from __future__ import annotations

from typing import Any

from forge.task import Dataset, Task
from functions.errors import ForgeError


class EarlyExpert:
    """An expert who answers in the first tasks of each stream, and then no more.

    Args:
        expert: who answers.
        tasks: whole streams, in order.
        first: tasks of each stream in which advice is given.
    """

    def __init__(self, expert: Any, tasks: Dataset, first: int) -> None:
        self._expert, self._first = expert, first
        self._places = {task.id: place for stream in tasks.streams().values() for place, task in enumerate(stream)}

    @property
    def cost(self) -> float:
        return float(self._expert.cost)

    def advise(self, task: Task, question: str) -> str:
        """Raises:
        ForgeError: the first tasks are over; an agent sees that as a failure that costs nothing.
        """
        if self._places[task.id] >= self._first:
            raise ForgeError("no advice is given any more")
        return str(self._expert.advise(task, question))
