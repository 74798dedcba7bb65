"""Which small programs explain which tasks: a program explains a task if the metric calls its value right."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from forge.metrics import Metric, Score
from forge.models.reading import Reading
from forge.session import Session
from forge.task import Task
from optim.operators import Value
from optim.programs import FAILED, Program, enumerate_programs
from optim.shapes import ANSWERS, Shape

RIGHT = 0.5  # a score above this counts as right


@dataclass(frozen=True, slots=True)
class Explanation:
    """A program over a shape's inputs, the tasks (by place) that give these inputs, and those of them it explains.

    `rank` is the program's place, from 1, among all that were tried, in order of their cost.
    """

    shape: Shape
    program: Program
    rank: int
    given: frozenset[int]
    right: frozenset[int]


@dataclass(frozen=True, slots=True)
class Explained:
    """What a search found, and for each task how surprising it is that a program explains it.

    `bits[i]` is -log2 of the share, among the programs tried on task i, of those that are right on it.
    """

    found: tuple[Explanation, ...]
    bits: tuple[float, ...]


class Judge:
    """Whether a value is the answer to a task, as the metric has it; every value is judged once. Mutable: a memory."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._verdicts: dict[tuple[str, str], bool] = {}

    def right(self, task: Task, value: Value) -> bool:
        """The metric's verdict on a program's value, submitted as the router would."""
        return value is not FAILED and self.accepts(task, _submitted(value))

    def accepts(self, task: Task, answer: Any) -> bool:  # Any: a JSON value
        """The metric's verdict on an answer."""
        key = (task.id, repr(round(answer, 10) if isinstance(answer, float) else answer))
        if key not in self._verdicts:
            score = self._metric(task, Session(task.id, task.question, answer=answer))
            self._verdicts[key] = (score.value if isinstance(score, Score) else float(score)) > RIGHT
        return self._verdicts[key]


def explanations(
    tasks: Sequence[Task], readings: Sequence[Reading], judge: Judge, shapes: Sequence[Shape]
) -> Explained:
    """Every program of every shape that explains at least one task, ranked by cost, then in the order of shapes."""
    tried = [one for shape in shapes for one in _of_shape(shape, tasks, readings, judge)]
    tried.sort(key=lambda one: one.program.cost)
    found = tuple(replace(one, rank=rank) for rank, one in enumerate(tried, start=1) if one.right)
    given = Counter(place for one in tried for place in one.given)
    right = Counter(place for one in found for place in one.right)
    return Explained(
        found, tuple(math.log2(max(1, given[place]) / max(1, right[place])) for place in range(len(tasks)))
    )


def _of_shape(shape: Shape, tasks: Sequence[Task], readings: Sequence[Reading], judge: Judge) -> Iterator[Explanation]:
    """Every program of a shape, cheapest first."""
    given = {place: inputs for place, reading in enumerate(readings) if (inputs := shape.inputs(reading)) is not None}
    if not given:
        return
    places = frozenset(given)
    columns = {name: (kind, [given[place][name] for place in given]) for name, kind in shape.parameters.items()}
    for found in enumerate_programs(columns, shape.grammar, answers=ANSWERS):
        values = zip(given, found.values, strict=True)
        right = frozenset(place for place, value in values if judge.right(tasks[place], value))
        yield Explanation(shape, found.program, 0, places, right)


def _submitted(value: Value) -> Any:  # Any: a JSON value
    """The value as the router submits it: lists, and whole numbers without a fraction."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return [_submitted(part) for part in value] if isinstance(value, tuple) else value
