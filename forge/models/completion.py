"""Reads a chat completion as a Reply: the OpenAI protocol, and what servers that claim to speak it send."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from forge.models.chat import ChatRequest, Reply, ToolCall
from forge.session import Usage

Body = Mapping[str, Any]  # JSON that came from outside: nothing about it is certain

CHARACTERS_PER_TOKEN = 4


def read_completion(body: Body) -> Reply:
    """The first choice, with the tokens that the body names. Reasoning is left out: it is not to be sent back.

    A refusal is the reply's text. The older `function_call` is a tool call without id.

    Raises:
        ValueError: there is no message in it.
    """
    choices = body.get("choices")
    if not isinstance(choices, Sequence) or not choices or not isinstance(choices[0].get("message"), Mapping):
        raise ValueError(f"a completion without a message: {json.dumps(body, default=str)[:200]}")
    message: Body = choices[0]["message"]
    finish_reason = choices[0].get("finish_reason") or "stop"
    return Reply(_text(message.get("content")) or _refusal(message), _calls(message), finish_reason, _usage(body))


def estimated_usage(request: ChatRequest, reply: Reply) -> Usage:
    """Tokens at 4 characters each, for a server that does not count them."""
    sent = len(json.dumps([*request.messages, *request.tools], default=str))
    received = len(reply.text) + sum(len(call.name) + len(call.arguments) for call in reply.tool_calls)
    return Usage(1, -(-sent // CHARACTERS_PER_TOKEN), -(-received // CHARACTERS_PER_TOKEN))


def _text(content: Any) -> str:  # None, a text, or parts, some of which are reasoning
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _refusal(message: Body) -> str:
    return message.get("refusal") or (message.get("provider_specific_fields") or {}).get("refusal") or ""


def _calls(message: Body) -> tuple[ToolCall, ...]:
    calls = [_call(call.get("id") or "", call.get("function") or call.get("custom") or {})
             for call in message.get("tool_calls") or ()]  # fmt: skip
    if not calls and message.get("function_call"):
        calls = [_call("", message["function_call"])]
    return tuple(calls)


def _call(identity: str, function: Body) -> ToolCall:
    arguments = function.get("arguments", function.get("input"))
    if not isinstance(arguments, str):
        arguments = "" if arguments is None else json.dumps(arguments)  # some servers send the object itself
    return ToolCall(identity, function.get("name") or "", arguments)


def _usage(body: Body) -> Usage:
    usage = body.get("usage") or {}
    return Usage(1, usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)
