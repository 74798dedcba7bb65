"""`python -m benchmarks.cassettes`: recorded chat completions of many providers through the reply and dialect code."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.data import data_folder, rows
from forge.dialect import SUBMIT, ToolCalls
from forge.models.chat import Reply
from forge.models.litellm import read_response
from forge.models.protocol import Context
from forge.session import Action, Observation, Step
from functions import ForgeError

Message = Mapping[str, Any]


def main() -> None:
    """Print what the replies are read as, and whether the conversations are written as they were recorded."""
    began = time.perf_counter()
    read: Counter[str] = Counter()
    written: Counter[str] = Counter()
    for cassette in rows(data_folder("cassettes") / "pydantic_ai_tool_cassettes.jsonl.gz"):
        chats = [item for item in cassette["interactions"] if "chat/completions" in item["request"]["uri"]]
        for place, item in enumerate(chats):
            action = ToolCalls().parse(_reply(item["response"]), CONTEXT)
            read[_kind(action)] += 1
            following = _messages(chats[place + 1]) if place + 1 < len(chats) else []
            turn = _next_turn(_messages(item), following)
            if turn and action.calls and action.calls[0].name != SUBMIT:
                written[_written_as_recorded(action, turn) or "as recorded"] += 1
    _table("recorded chat replies are read as", read)
    _table("turns that a recorded request goes on from are written", written)
    print(f"{time.perf_counter() - began:.1f} s")


def _messages(item: Mapping[str, Any]) -> Sequence[Message]:
    """What was sent; a few recordings kept no request body."""
    messages: Sequence[Message] = item["request"].get("parsed_body", {}).get("messages", [])
    return messages


CONTEXT = Context(task_id="", question="", instructions="", tools=())


def _reply(response: Mapping[str, Any]) -> Reply:
    """A response as LiteLLM hands it on, streamed ones put together by it."""
    import litellm

    if isinstance(response.get("parsed_body"), dict):
        return read_response(litellm.ModelResponse(**_flat(response["parsed_body"])))
    chunks = [litellm.ModelResponseStream(**chunk) for chunk in _chunks(response["body"]["string"])]
    return read_response(litellm.stream_chunk_builder(chunks))


def _flat(body: dict[str, Any]) -> dict[str, Any]:
    """Content in parts as one text, without thoughts, as LiteLLM's code for the provider gives it."""
    for choice in body["choices"]:
        for message in (choice.get("message"), choice.get("delta")):
            if message and isinstance(message.get("content"), list):
                message["content"] = "".join(part.get("text", "") for part in message["content"])
    return body


def _chunks(stream: str) -> Iterator[dict[str, Any]]:
    """The data of a server-sent event stream, those with a choice."""
    for line in stream.splitlines():
        if line.startswith("data:") and line.strip() != "data: [DONE]":
            chunk = json.loads(line.removeprefix("data:"))
            if chunk.get("choices"):
                yield _flat(chunk)


def _kind(action: Action) -> str:
    if not action.calls:
        return "empty" if action.finish_reason != "length" else "cut off"
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
    ends = next((n for n, message in enumerate(added[1:], start=1) if message["role"] != "tool"), len(added))
    return added[:ends]


def _written_as_recorded(action: Action, turn: Sequence[Message]) -> str:
    """What differs when our dialect writes the turn; "" if nothing that the protocol knows does."""
    contents = {message["tool_call_id"]: message["content"] for message in turn[1:]}
    seen = tuple(Observation(call.name, contents.get(call.id, ""), call_id=call.id) for call in action.calls)
    context = Context(task_id="", question="", instructions="", tools=(), steps=(Step(action, seen),))
    ours = ToolCalls().request(context).messages[2:]
    for name, place in (("calls", 0), ("answers", 1)):
        if _normal(ours[place:], name) != _normal(turn[place:], name):
            return f"with other {name}"
    return ""


def _normal(messages: Sequence[Message], name: str) -> Any:
    """Ids, names, arguments as values, and contents; providers differ in what else they add."""
    if name == "calls":
        calls = messages[0]["tool_calls"]
        return [(c["id"], c["function"]["name"], json.loads(c["function"]["arguments"] or "{}")) for c in calls]
    return sorted((message["tool_call_id"], message["content"]) for message in messages if message["role"] == "tool")


def _table(title: str, counts: Counter[str]) -> None:
    print(f"{title} ({counts.total()}):")
    for name, number in counts.most_common():
        print(f"{number:>6}  {name}")


if __name__ == "__main__":
    try:
        main()
    except ForgeError as error:
        sys.exit(f"error: {error}")
