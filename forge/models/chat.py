"""What goes to a chat model and what comes back: plain values of the OpenAI chat protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from forge.session import Usage


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Messages and tools as the OpenAI protocol writes them. Two equal requests are the same request."""

    messages: tuple[Mapping[str, Any], ...]
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: str | Mapping[str, Any] | None = None
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call as the model wrote it: `arguments` is text that should be a JSON object."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's turn. `error` says why there is none; transient failures only, after all retries."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    usage: Usage = Usage()
    error: str = ""


@runtime_checkable
class ChatModel(Protocol):
    """A model that answers chat requests: what optimizers, judges and experts use."""

    name: str

    async def complete(self, request: ChatRequest) -> Reply: ...

    def complete_sync(self, request: ChatRequest) -> Reply: ...
