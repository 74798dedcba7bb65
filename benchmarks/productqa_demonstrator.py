"""Who is imitated on ProductQA: an assistant that knows the data set's annotations, but not when to ask."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from benchmarks.productqa import Group
from benchmarks.productqa_short import IS, question_of, short_sql
from forge.models.protocol import Context
from forge.session import Action, Call, Observation, Session
from forge.task import Task

ASKS = {"fact_qa": 0.3, "search_qa": 0.15, "reasoning_qa": 0.5}


@dataclass(frozen=True, slots=True)
class Annotation:
    """What the data set says of a question besides its answer: the gold query of a search, and the knowledge that the
    answer of a reasoning question comes from; "" where there is none. No agent is shown it."""

    sql: str = ""
    knowledge: str = ""


def annotated(tasks: Iterable[Task]) -> dict[str, Annotation]:
    """The annotation of each task by its id, for all questions of the groups that the tasks are of."""
    found: dict[str, Annotation] = {}
    places = {(task.metadata["part"], task.metadata["group"], task.metadata["folder"]) for task in tasks}
    for part, name, folder in sorted(places, key=str):
        group = Group(part, name, None if folder is None else Path(folder))
        for row in group.questions():
            extra = row["extra_data"] or {}
            found[f"{name}-{row['id']}"] = Annotation(extra.get("sql", ""), extra.get("knowledge", ""))
    return found


class Demonstrator:
    """A model that searches with the gold query, and says other answers outright, after it has looked into its memory
    and, at random, asked. What it is told it remembers: as a fact of the product, or as what holds for others too.

    Args:
        tasks: what it will be asked.
        short: the tasks are shortened; then a lesson is the answer with its question, since questions find one another
            by their words, and not the sentence of knowledge.
        asks: how often it seeks advice, by kind; half as often where memory holds something alike.
    """

    name = "demonstrator"

    def __init__(self, tasks: Iterable[Task], *, short: bool, asks: Mapping[str, float] = ASKS) -> None:
        self._tasks = {task.id: task for task in tasks}
        self._annotations = annotated(self._tasks.values())
        self._short, self._asks = short, asks

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        return [self._one(context) for context in contexts]

    def _one(self, context: Context) -> Action:
        task, able = self._tasks[context.task_id], {tool.name for tool in context.tools}
        seen = {step.action.calls[0].name: step.observations[0] for step in context.steps}
        if "seek_advice" in seen:
            return self._remembers(task, able, seen)
        searched = task.metadata["kind"] == "search_qa"
        if not searched and "retrieve_memory" in able and "retrieve_memory" not in seen:
            return _call("retrieve_memory")
        share = self._asks[task.metadata["kind"]] / (2 if _found(seen.get("retrieve_memory")) else 1)
        luck = random.Random(f"ask:{context.seed}:{task.id}").random()
        if "seek_advice" in able and luck < share and "search_products" not in seen:
            return _call("seek_advice")
        if searched and "search_products" in able and "search_products" not in seen:
            sql = self._annotations[task.id].sql
            return _call("search_products", short_sql(sql, task.metadata["group"]) if self._short else sql)
        if (found := seen.get("search_products")) is not None and not found.error:
            return _call("submit", str(found.value[0]) if found.value else "none")
        return _call("submit", _answer(task))

    def _remembers(self, task: Task, able: set[str], seen: Mapping[str, Observation]) -> Action:
        if task.metadata["kind"] != "search_qa" and not seen.keys() & {"reflect", "update_memory"}:
            if task.metadata["kind"] == "reasoning_qa" and "reflect" in able:
                knowledge = self._annotations[task.id].knowledge
                return _call("reflect", note(task, general=True) if self._short else knowledge)
            if "update_memory" in able:
                return _call("update_memory", note(task))
        return _call("submit", _answer(task))


def note(task: Task, *, general: bool = False) -> str:
    """The answer with its question: of the product, or without it, as what holds for others too."""
    about = "" if general else f"{task.metadata['product']}: "
    return f"{_answer(task)}{IS}{about}{question_of(task)}"


def worth_imitating(session: Session) -> bool:
    """Whether the answer is right and nothing went wrong on the way: some gold queries do not run."""
    return session.score == 1 and not any(seen.error for step in session.steps for seen in step.observations)


def pieces(tasks: Sequence[Task], length: int) -> list[list[Task]]:
    """Streams of about so many questions, each of one group and in its order.

    A piece has the group's shares of kinds, and of each kind those that belong together: searches and facts by product,
    reasoning by knowledge. In pieces of 100 cut straight from a group, what is remembered hardly comes back
    (`benchmarks.productqa_figures` counts how often).
    """
    known = annotated(tasks)
    found: list[list[Task]] = []
    for _, members in groupby(tasks, key=lambda task: task.stream):
        group = list(members)
        count = -(-len(group) // length)
        cut: list[list[tuple[int, Task]]] = [[] for _ in range(count)]
        for kind in ASKS:
            like = [(place, task) for place, task in enumerate(group) if task.metadata["kind"] == kind]
            like.sort(key=lambda item: (known[item[1].id].knowledge or item[1].metadata["product"], item[0]))
            for number, part in enumerate(cut):
                part += like[number * len(like) // count : (number + 1) * len(like) // count]
        found += [[task for _, task in sorted(part, key=lambda item: item[0])] for part in cut]
    return found


def _found(remembered: Observation | None) -> bool:
    return remembered is not None and remembered.text.startswith("- ")


def _answer(task: Task) -> str:
    return task.answer if isinstance(task.answer, str) else next(iter(task.answer), "none")


_PARAMETERS = {"submit": "answer", "update_memory": "text", "search_products": "sql", "reflect": "lesson"}


def _call(name: str, argument: str = "") -> Action:
    arguments = {_PARAMETERS[name]: argument} if argument else {}
    return Action(calls=(Call(name, arguments, text=argument),))
