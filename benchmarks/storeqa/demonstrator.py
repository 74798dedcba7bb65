"""Who is imitated: an assistant that knows the answers, but not when to ask."""

from __future__ import annotations

import random
from collections.abc import Sequence

import forge
from benchmarks.storeqa.streams import notes
from forge.models.protocol import Context
from forge.models.router import Router
from forge.session import Action, Call


class Demonstrator:
    """A model that acts as a shop assistant would who knows the answers, but not when to ask: that it does at random.

    It uses what the agent has: reflects on rules where it can, else remembers the single case; computes with the
    agent's functions as the router would, else says the answer outright.

    Args:
        tasks: what it will be asked.
        asks: how often it seeks advice where nothing is remembered: on what only experts know, on what no function of
            the agent computes, and on other questions.
    """

    name = "demonstrator"

    def __init__(self, tasks: forge.Dataset, *, asks: tuple[float, float, float] = (0.5, 0.8, 0.05)) -> None:
        self._tasks = {task.id: task for task in tasks}
        self._asks = asks
        self._router = Router()

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        return [self._one(context) for context in contexts]

    def _one(self, context: Context) -> Action:
        task = self._tasks[context.task_id]
        details, able = task.metadata, {tool.name for tool in context.tools}
        seen = {step.action.calls[0].name: step.observations[0].text for step in context.steps}
        worth = notes(task)
        if "seek_advice" in seen:
            if "lesson" in worth and "reflect" in able and "reflect" not in seen:
                return _call("reflect", worth["lesson"])
            if worth and "update_memory" in able and not seen.keys() & {"update_memory", "reflect"}:
                return _call("update_memory", worth["fact"])
            return _call("submit", task.answer)
        if worth and "retrieve_memory" in able and "retrieve_memory" not in seen:
            return _call("retrieve_memory")
        known = any(note in seen.get("retrieve_memory", "") for note in worth.values())
        computed = self._router.act([context])[0] if details["kind"] == "computation" else None
        beyond = computed is not None and computed.calls[0].arguments.get("answer", "") is None
        luck = random.Random(f"ask:{context.seed}:{context.task_id}").random()
        fresh = not known and not seen.keys() - {"retrieve_memory"}
        if "seek_advice" in able and fresh and luck < self._asks[0 if worth else 1 if beyond else 2]:
            return _call("seek_advice")
        if "query" in details and "search" in able and "search" not in seen:
            return _call("search", details["query"])
        if computed is not None and not beyond:
            return computed
        return _call("submit", task.answer)


_PARAMETERS = {"submit": "answer", "update_memory": "text", "search": "query", "reflect": "lesson"}


def _call(name: str, argument: str = "") -> Action:
    arguments = {_PARAMETERS[name]: argument} if argument else {}
    return Action(calls=(Call(name, arguments, text=argument),))
