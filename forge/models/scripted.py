"""Models that follow a script: for tests, and for trying an agent's parts without any model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from forge.models.chat import ChatRequest, Reply
from forge.models.protocol import Context
from forge.session import Action
from functions.errors import ForgeError


class ScriptedModel:
    """Acts by a function of the context, or by a list: in each session its n-th turn is the n-th action.

    Args:
        script: the list's last action is repeated when a session goes on.
    """

    name = "scripted"

    def __init__(self, script: Sequence[Action] | Callable[[Context], Action]) -> None:
        if not callable(script) and not script:
            raise ForgeError("ScriptedModel([]): give at least one action")
        self._script = script

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        return [self._one(context) for context in contexts]

    def _one(self, context: Context) -> Action:
        if callable(self._script):
            return self._script(context)
        return self._script[min(len(context.steps), len(self._script) - 1)]


class ScriptedChat:
    """Replies by a function of the request, or by a list in order. Mutable: keeps the `requests` it was sent.

    Raises:
        ForgeError: more requests than the list has replies.
    """

    name = "scripted"

    def __init__(self, script: Sequence[Reply] | Callable[[ChatRequest], Reply]) -> None:
        self._script, self._lock = script, threading.Lock()
        self.requests: list[ChatRequest] = []

    async def complete(self, request: ChatRequest) -> Reply:
        return self.complete_sync(request)

    def complete_sync(self, request: ChatRequest) -> Reply:
        with self._lock:
            place = len(self.requests)
            self.requests.append(request)
        if callable(self._script):
            return self._script(request)
        if place >= len(self._script):
            raise ForgeError(f"the script has {len(self._script)} replies, and this is request {place + 1}")
        return self._script[place]
