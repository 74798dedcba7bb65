"""Asking in the first tasks of a stream only: what deciding when to ask is worth is seen against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forge.models.protocol import Context, Model
from forge.session import Action, Call
from forge.task import Dataset

ASK, LOOK = "seek_advice", "retrieve_memory"


class AsksFirst:
    """A model that asks in the first tasks of each stream whatever they are, and never again.

    It looks into its memory first where it would, once; what it does with the advice is its own. As AGILE's agent with
    advice in the first K sessions only (arXiv 2405.14751).

    Args:
        model: who acts otherwise.
        tasks: whole streams, in order.
        first: tasks of each stream in which it asks.
    """

    def __init__(self, model: Model, tasks: Dataset, first: int) -> None:
        self.name = model.name
        self._model, self._first = model, first
        self._places = {task.id: place for stream in tasks.streams().values() for place, task in enumerate(stream)}

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        early = [self._places[context.task_id] < self._first for context in contexts]
        shown = [context if now else _without_asking(context) for context, now in zip(contexts, early, strict=True)]
        actions = self._model.act(shown)
        return [
            _asking(action) if now and _decides(context, action) else action
            for context, action, now in zip(contexts, actions, early, strict=True)
        ]


def _without_asking(context: Context) -> Context:
    return replace(context, tools=tuple(tool for tool in context.tools if tool.name != ASK))


def _decides(context: Context, action: Action) -> bool:
    """Whether it would go on without having asked: it does more than look into its memory, or looks there again."""
    done = {call.name for step in context.steps for call in step.action.calls}
    looks = bool(action.calls) and all(call.name == LOOK for call in action.calls) and LOOK not in done
    return ASK not in done and not looks and action.finish_reason != "error"


def _asking(action: Action) -> Action:
    return Action(calls=(Call(ASK),), usage=action.usage)
