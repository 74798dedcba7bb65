"""Replies written down by the exact request, and given again without the model: one JSON object a line."""

from __future__ import annotations

import asyncio
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forge.dialect import Dialect, ToolCalls
from forge.models.cache import reply_from, request_key
from forge.models.chat import ChatModel, ChatRequest, Reply
from forge.models.protocol import Context
from forge.session import Action
from functions.errors import ForgeError


class _Spoken(ABC):
    """A chat model as an agent's model: requests by the dialect, replies read by it."""

    name: str
    dialect: Dialect

    @abstractmethod
    async def complete(self, request: ChatRequest) -> Reply:
        """The reply to one request."""

    async def act_async(self, context: Context) -> Action:
        dialect = context.dialect or self.dialect
        return dialect.parse(await self.complete(dialect.request(context)), context)

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        async def all_of_them() -> list[Action]:
            return list(await asyncio.gather(*map(self.act_async, contexts)))

        return asyncio.run(all_of_them())


class Recording(_Spoken):
    """Passes requests on to a chat model and appends each with its reply to a file.

    Args:
        model: who answers.
        path: a JSON Lines file; is made if need be.
        dialect: how the model writes actions; None is `ToolCalls()`.
    """

    def __init__(self, model: ChatModel, path: str | Path, *, dialect: Dialect | None = None) -> None:
        self.name = model.name
        self.dialect = dialect if dialect is not None else ToolCalls()
        self._model, self._path, self._lock = model, Path(path), threading.Lock()

    async def complete(self, request: ChatRequest) -> Reply:
        reply = await self._model.complete(request)
        self._write(request, reply)
        return reply

    def complete_sync(self, request: ChatRequest) -> Reply:
        reply = self._model.complete_sync(request)
        self._write(request, reply)
        return reply

    def _write(self, request: ChatRequest, reply: Reply) -> None:
        line = json.dumps({"model": self.name, "request": asdict(request), "reply": asdict(reply)})
        try:
            with self._lock, self._path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise ForgeError(f"cannot write the recording {self._path}: {error.strerror}") from error


class Replay(_Spoken):
    """Gives recorded replies to exactly the recorded requests, equal ones in the order they were recorded.

    Raises:
        ForgeError: the file cannot be read; later, a request that was not recorded.
    """

    def __init__(self, path: str | Path, *, dialect: Dialect | None = None) -> None:
        self.dialect = dialect if dialect is not None else ToolCalls()
        self._path, self._lock = Path(path), threading.Lock()
        self._requests: list[dict[str, Any]] = []
        self._replies: dict[str, list[Reply]] = {}
        self.name = "replay"
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise ForgeError(f"cannot read the recording {path}: {error.strerror}") from error
        for number, line in enumerate(lines, start=1):
            self._learn(line, number)

    async def complete(self, request: ChatRequest) -> Reply:
        return self.complete_sync(request)

    def complete_sync(self, request: ChatRequest) -> Reply:
        key = request_key(request, {})
        with self._lock:
            replies = self._replies.get(key)
            if not replies:
                raise ForgeError(f"{self._path} has no reply to this request: {self._difference(request)}")
            return replies.pop(0) if len(replies) > 1 else replies[0]

    def _learn(self, line: str, number: int) -> None:
        try:
            entry = json.loads(line)
            fields: dict[str, Any] = dict(entry["request"])
            request = ChatRequest(**{name: _tuple(value) for name, value in fields.items()})
            reply = reply_from(entry["reply"])
            self.name = str(entry["model"])
        except (ValueError, KeyError, TypeError) as error:
            raise ForgeError(f"{self._path}: line {number} is no recorded reply ({error})") from error
        self._requests.append(json.loads(json.dumps(asdict(request))))
        self._replies.setdefault(request_key(request, {}), []).append(reply)

    def _difference(self, request: ChatRequest) -> str:
        """Where the request first departs from the recorded one that it is most like."""
        asked = json.loads(json.dumps(asdict(request)))
        if not self._requests:
            return "nothing is recorded"
        closest = max(self._requests, key=lambda known: _alike(known["messages"], asked["messages"]))
        same = _alike(closest["messages"], asked["messages"])
        if same < max(len(asked["messages"]), len(closest["messages"])):
            shown = [json.dumps(m[same])[:300] if same < len(m) else "nothing" for m in
                     (asked["messages"], closest["messages"])]  # fmt: skip
            return f"message {same} is {shown[0]}, where the closest recorded request has {shown[1]}"
        name = next(name for name in asked if asked[name] != closest[name])
        return f"{name} is {str(asked[name])[:300]}, where the closest recorded request has {str(closest[name])[:300]}"


def _alike(first: Sequence[Any], second: Sequence[Any]) -> int:
    """How many messages are equal from the start."""
    pairs = zip(first, second, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def _tuple(value: Any) -> Any:  # JSON's lists were tuples
    return tuple(value) if isinstance(value, list) else value
