"""`python -m benchmarks.cassettes`: recorded chat completions of many providers through the reply and dialect code."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from benchmarks.data import data_folder, rows
from forge.dialect import SUBMIT, ToolCalls
from forge.models.chat import Reply
from forge.models.completion import read_completion
from forge.models.protocol import Context, ToolSpec
from forge.session import Action, Observation, Step
from functions import ForgeError

Message = Mapping[str, Any]
Interaction = Mapping[str, Any]

NOTHING = Context(task_id="", question="", instructions="", tools=())


def main() -> None:
    """Print what the replies are read as, and whether turns and whole requests are written as they were recorded."""
    began = time.perf_counter()
    read: Counter[str] = Counter()
    turns: Counter[str] = Counter()
    requests: Counter[str] = Counter()
    for cassette in rows(data_folder("cassettes") / "pydantic_ai_tool_cassettes.jsonl.gz"):
        chats = [item for item in cassette["interactions"] if "chat/completions" in item["request"]["uri"]]
        for place, item in enumerate(chats):
            action = ToolCalls().parse(_reply(item["response"]), NOTHING)
            read[_kind(action)] += 1
            following = _body(chats[place + 1]).get("messages", []) if place + 1 < len(chats) else []
            turn = _next_turn(_body(item).get("messages", []), following)
            if turn and action.calls and action.calls[0].name != SUBMIT:
                turns[_difference_of_turn(action, turn) or "as recorded"] += 1
            if _body(item):
                requests[_difference_of_request(_body(item)) or "as recorded"] += 1
    _table("recorded chat replies are read as", read)
    _table("turns that a recorded request goes on from are written", turns)
    _table("whole requests, read and written again, are", requests)
    print(f"{time.perf_counter() - began:.1f} s")


def _body(item: Interaction) -> Mapping[str, Any]:
    """What was sent; a few recordings kept no request body."""
    return item["request"].get("parsed_body") or {}


def _reply(response: Mapping[str, Any]) -> Reply:
    if isinstance(response.get("parsed_body"), dict):
        return read_completion(response["parsed_body"])
    return read_completion({"choices": [_put_together(_choices(response["body"]["string"]))]})


def _choices(stream: str) -> Iterator[Mapping[str, Any]]:
    """The first choice of each chunk of a server-sent event stream."""
    for line in stream.splitlines():
        if line.startswith("data:") and line.strip() != "data: [DONE]":
            yield from json.loads(line.removeprefix("data:")).get("choices", [])[:1]


def _put_together(choices: Iterator[Mapping[str, Any]]) -> dict[str, Any]:
    """One choice from the pieces of a streamed one: contents joined, calls joined by their index."""
    content, finish_reason = "", None
    calls: dict[int, dict[str, Any]] = {}
    for choice in choices:
        delta = choice.get("delta") or {}
        parts = delta.get("content") or ""
        content += parts if isinstance(parts, str) else "".join(part.get("text", "") for part in parts)
        finish_reason = choice.get("finish_reason") or finish_reason
        for piece in delta.get("tool_calls") or ():
            call = calls.setdefault(piece.get("index", 0), {"id": "", "function": {"name": "", "arguments": ""}})
            call["id"] += piece.get("id") or ""
            for name, text in piece.get("function", {}).items():
                call["function"][name] += text or ""
    message = {"content": content, "tool_calls": [calls[index] for index in sorted(calls)]}
    return {"message": message, "finish_reason": finish_reason}


def _kind(action: Action) -> str:
    if not action.calls:
        return "cut off" if action.finish_reason == "length" else "empty"
    if action.calls[0].name == SUBMIT:
        return "an answer"
    if any(call.error for call in action.calls):
        return "calls, one of them malformed"
    return "a call" if len(action.calls) == 1 else "parallel calls"


def _next_turn(before: Sequence[Message], after: Sequence[Message]) -> Sequence[Message]:
    """The assistant's message and the answers to its calls, if the next request goes on from this one."""
    added = after[len(before) :]
    if not added or added[0].get("role") != "assistant" or not added[0].get("tool_calls"):
        return ()
    return added[: 1 + _answers_from(added, 1)]


def _answers_from(messages: Sequence[Message], start: int) -> int:
    """How many answers of tools stand in a row."""
    ends = (place for place, message in enumerate(messages[start:]) if message["role"] != "tool")
    return next(ends, len(messages) - start)


def _difference_of_turn(action: Action, turn: Sequence[Message]) -> str:
    context = Context(task_id="", question="", instructions="", tools=(), steps=(_step(action, turn[1:]),))
    same = _normal(ToolCalls().request(context).messages[2:]) == _normal(turn)
    return "" if same else "otherwise"


def _difference_of_request(body: Mapping[str, Any]) -> str:
    """Why our dialect does not write this request as it was recorded; "" if it does."""
    context = _context(body)
    if isinstance(context, str):
        return context
    ours = ToolCalls().request(context)
    if _normal(ours.messages[0 if context.instructions else 1 :]) != _normal(body["messages"]):
        return "otherwise: other messages"
    return "" if _tools(ours.tools) == _tools(body.get("tools") or ()) else "otherwise: other tools"


def _context(body: Mapping[str, Any]) -> Context | str:
    """What an agent's context would have to be for this request, or why there is none."""
    messages = list(body["messages"])
    instructions = messages.pop(0)["content"] if messages[0]["role"] in ("system", "developer") else ""
    question = messages.pop(0)
    if question["role"] != "user":
        return "not an agent's: a second system message, or no question"
    steps: list[Step] = []
    while messages:
        written = messages.pop(0)
        if written["role"] != "assistant":
            return f"not an agent's: the {written['role']} speaks twice"
        action = ToolCalls().parse(read_completion({"choices": [{"message": written}]}), NOTHING)
        if not written.get("tool_calls"):
            return "not an agent's: goes on after a text alone, which is an answer to us"
        answers = _answers_from(messages, 0)
        steps.append(_step(action, messages[:answers]))
        del messages[:answers]
    tools = tuple(ToolSpec(t["name"], t.get("description", ""), t["parameters"]) for t in _tools(body.get("tools", ())))
    return Context("", question["content"], instructions, tools, tuple(steps))


def _step(action: Action, answers: Sequence[Message]) -> Step:
    """The action with what its calls gave back, found by the calls' ids."""
    contents = {message["tool_call_id"]: message["content"] for message in answers}
    return Step(action, tuple(Observation(c.name, contents.get(c.id, ""), call_id=c.id) for c in action.calls))


def _normal(messages: Sequence[Message]) -> list[Any]:
    """Roles, texts, ids, names, and arguments as values; the answers of one turn in the order of their ids."""
    plain = [
        (message["role"], _text(message.get("content")), message.get("tool_call_id") or "", _calls(message))
        for message in messages
    ]
    return [
        message for _, run in groupby(plain, lambda message: message[0] == "tool") for message in sorted(run, key=str)
    ]


def _text(content: Any) -> str:  # None, a text, or parts of one
    """Without reasoning, which one client sends back as text."""
    text = "".join(part.get("text", "") for part in content) if isinstance(content, list) else content or ""
    return re.sub(r"<think>.*?</think>", "", text, flags=re.S)


def _calls(message: Message) -> list[Any]:
    functions = [(call["id"], call["function"]) for call in message.get("tool_calls") or ()]
    return [(identity, given["name"], json.loads(given["arguments"] or "{}")) for identity, given in functions]


def _tools(tools: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Name, description and schema; `strict` is not ours."""
    kept = ("name", "description", "parameters")
    return [{name: tool["function"][name] for name in kept if name in tool["function"]} for tool in tools]


def _table(title: str, counts: Counter[str]) -> None:
    print(f"{title} ({counts.total()}):")
    for name, number in counts.most_common():
        print(f"{number:>6}  {name}")


if __name__ == "__main__":
    try:
        main()
    except ForgeError as error:
        sys.exit(f"error: {error}")
