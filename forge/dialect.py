"""How a chat model writes actions: as tool calls of the chat protocol, or as ReAct text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from forge.arguments import is_json_object, read_arguments, read_bare
from forge.models.chat import ChatRequest, Reply, ToolCall
from forge.models.protocol import Context, ToolSpec
from forge.session import Action, Call, Step

SUBMIT = "submit"
LONGEST_DESCRIPTION = 1024  # characters that OpenAI takes for a function
LONGEST_NAME = 64
_CUT = {"length": "at the length limit; write less", "content_filter": "by the provider's content filter"}


class Dialect(Protocol):
    """Renders what a model may see as a chat request, and reads its reply as an action."""

    @property
    def name(self) -> str: ...

    def request(self, context: Context) -> ChatRequest: ...

    def parse(self, reply: Reply, context: Context) -> Action: ...


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """Tool calls of the OpenAI chat protocol. A reply of text alone is the answer."""

    name: str = "tools"

    def request(self, context: Context) -> ChatRequest:
        messages: list[Mapping[str, Any]] = [
            {"role": "system", "content": context.instructions},
            {"role": "user", "content": context.question},
        ]
        for number, step in enumerate(context.steps):
            messages += _tool_messages(step, number)
        return ChatRequest(messages=tuple(messages), tools=tuple(map(tool_schema, context.tools)), seed=context.seed)

    def parse(self, reply: Reply, context: Context) -> Action:
        if reply.error:
            return Action(reply.error, finish_reason="error", usage=reply.usage)
        cut = _CUT.get(reply.finish_reason, "")
        calls = tuple(_call(call, cut) for call in reply.tool_calls)
        if not calls and reply.text.strip() and not cut:
            calls = (Call(SUBMIT, {"answer": reply.text.strip()}, text=reply.text),)
        return Action(reply.text, calls, reply.finish_reason, reply.usage)


def tool_schema(spec: ToolSpec) -> dict[str, Any]:
    """A tool as the OpenAI chat protocol and chat templates describe it."""
    description = spec.description[:LONGEST_DESCRIPTION]
    function = {"name": spec.name, "description": description, "parameters": spec.parameters}
    return {"type": "function", "function": function}


def _call(call: ToolCall, cut: str) -> Call:
    arguments, error = read_arguments(call.arguments)
    if error and cut:
        error = f"the arguments were cut off {cut}"
    return Call(call.name, arguments, call.id, error, call.arguments)


def _tool_messages(step: Step, number: int) -> list[Mapping[str, Any]]:
    """The model's turn and one answer to every call in it, as the protocol demands."""
    action = step.action
    if not action.calls:
        nudges = [{"role": "user", "content": seen.text} for seen in step.observations]
        return [{"role": "assistant", "content": action.text or "(nothing)"}, *nudges]
    ids = _distinct_ids(action.calls, number)
    written = [
        {"id": identity, "type": "function", "function": {"name": _name(call), "arguments": _arguments_text(call)}}
        for identity, call in zip(ids, action.calls, strict=True)
    ]
    answers = [
        {"role": "tool", "tool_call_id": identity, "content": seen.text}
        for identity, seen in zip(ids, step.observations, strict=False)
    ]
    return [{"role": "assistant", "content": action.text or None, "tool_calls": written}, *answers]


def _distinct_ids(calls: Sequence[Call], number: int) -> list[str]:
    """The provider's ids, or made ones where an id is missing or comes twice."""
    seen: list[str] = []
    for place, call in enumerate(calls):
        seen.append(call.id if call.id and call.id not in seen else f"call_{number}_{place}")
    return seen


def _name(call: Call) -> str:
    """Servers refuse a history with a name that no function can have, such as "functions.add" made up by a model."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", call.name)[:LONGEST_NAME] or "unnamed"


def _arguments_text(call: Call) -> str:
    """What the model wrote; servers refuse a history with malformed JSON, so that goes as a JSON object."""
    if call.error:
        return json.dumps({"malformed": call.text})
    same = is_json_object(call.text) and read_arguments(call.text)[0] == call.arguments
    return call.text if same else json.dumps(call.arguments)


REACT = """\
{instructions}

You can use these functions:
{tools}

Write in exactly this form, one action at a time, and stop after Action Input:
Thought: what to do next, and why
Action: the name of one function
Action Input: its arguments as one JSON object
You will then be shown a line that begins with Observation:, and go on with another Thought.
When you know the answer, write:
Thought: why this is the answer
Final Answer: the answer and nothing else"""

_LABEL = re.compile(
    r"^[ \t]*[*_]*(?P<label>thought|action input|action|observation|final answer)[*_]*[ \t]*:[*_]*[ \t]*", re.I | re.M
)


@dataclass(frozen=True, slots=True)
class ReAct:
    """Thought, Action, Action Input, Observation as plain text (arXiv 2210.03629), for models without tool calls."""

    name: str = "react"

    def request(self, context: Context) -> ChatRequest:
        offered = [spec for spec in context.tools if spec.name != SUBMIT]
        tools = "\n".join(_described(spec) for spec in offered) or "(none)"
        messages: list[Mapping[str, Any]] = [
            {"role": "system", "content": REACT.format(instructions=context.instructions, tools=tools)},
            {"role": "user", "content": f"Question: {context.question}"},
        ]
        for step in context.steps:
            seen = "\n".join(observation.text for observation in step.observations)
            messages.append({"role": "assistant", "content": step.action.text or "(nothing)"})
            messages.append({"role": "user", "content": f"Observation: {seen}"})
        return ChatRequest(messages=tuple(messages), stop=("\nObservation:",), seed=context.seed)

    def parse(self, reply: Reply, context: Context) -> Action:
        if reply.error:
            return Action(reply.error, finish_reason="error", usage=reply.usage)
        parts = _parts(reply.text)
        kept, calls = _first_action(parts, context.tools, _CUT.get(reply.finish_reason, ""))
        text = reply.text[:kept].rstrip() if calls else reply.text
        return Action(text, calls, reply.finish_reason, reply.usage)


def _described(spec: ToolSpec) -> str:
    return f"- {spec.name}: {spec.description}\n  arguments: {json.dumps(spec.parameters, ensure_ascii=False)}"


@dataclass(frozen=True, slots=True)
class _Part:
    label: str
    text: str
    end: int


def _parts(text: str) -> list[_Part]:
    """The labelled parts, up to an Observation that the model made up."""
    marks = list(_LABEL.finditer(text))
    found = []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=False):
        label = mark["label"].lower()
        if label == "observation":
            break
        found.append(_Part(label, text[mark.end() : end].strip(), end))
    return found


def _first_action(parts: Sequence[_Part], tools: Sequence[ToolSpec], cut: str) -> tuple[int, tuple[Call, ...]]:
    """The first action or final answer, and where it ends in the text. What was `cut` is no answer."""
    for place, part in enumerate(parts):
        following = parts[place + 1] if place + 1 < len(parts) else None
        if part.label == "final answer" and part.text and (following or not cut):
            return part.end, (Call(SUBMIT, {"answer": part.text}, text=part.text),)
        if part.label == "action":
            written = following if following is not None and following.label == "action input" else None
            return (written or part).end, (_react_call(part.text, written, tools, cut),)
    return 0, ()


def _react_call(action: str, written: _Part | None, tools: Sequence[ToolSpec], cut: str) -> Call:
    first_line = action.partition("\n")[0]
    name = first_line.strip("`*\"' ").removesuffix("()")
    name = SUBMIT if name.lower() == "final answer" else name
    if written is None and cut:
        return Call(name, error=f"cut off before Action Input {cut}")
    text = written.text if written else ""
    schema: Mapping[str, Any] = next((spec.parameters for spec in tools if spec.name == name), {})
    arguments, error = read_bare(text, schema)
    if error and cut:
        error = f"the Action Input was cut off {cut}"
    return Call(name, arguments, error=error, text=text)
