"""The optimizer's four actions as chat tools, and a model's reply read as one of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forge.models.chat import Reply
from functions import FunctionError
from functions.edits import Terminate, edit_from_call, edit_tools
from optim.version import Change, ReviseInstructions


@dataclass(frozen=True, slots=True)
class Proposal:
    """An edit, with arguments on which its author says that the function works."""

    edit: Change
    example: Mapping[str, Any] = field(default_factory=dict)


_EXAMPLE = {
    "type": "object",
    "description": "One set of arguments on which the function must run without an error; it is tried at once.",
}


def _action_tools() -> tuple[dict[str, Any], ...]:
    """The edits as tools; what writes a function also gives an example call."""
    tools = edit_tools()
    for tool in tools:
        parameters = tool["function"]["parameters"]
        if "source" in parameters["properties"]:
            parameters["properties"]["example_arguments"] = _EXAMPLE
            parameters["required"] = [*parameters["required"], "example_arguments"]
    return tuple(tools)


ACTION_TOOLS = _action_tools()
INSTRUCTIONS_TOOL = {
    "type": "function",
    "function": {
        "name": ReviseInstructions.tool_name,
        "description": ReviseInstructions.__doc__,
        "parameters": {
            "type": "object",
            "properties": {"instructions": {"type": "string", "description": "The new instructions, whole."}},
            "required": ["instructions"],
            "additionalProperties": False,
        },
    },
}


def read_action(reply: Reply, place: int = 0) -> Proposal:
    """One action of a reply, by its place; a reply that only says TERMINATE counts as `terminate`.

    Raises:
        FunctionError: no action, an unknown one, or arguments that cannot be read; in words for the model.
    """
    if not reply.tool_calls:
        if "TERMINATE" in reply.text:
            return Proposal(Terminate())
        if reply.finish_reason == "length":
            raise FunctionError("the reply was cut off before an action", hint="write less, and call one tool")
        raise FunctionError("there was no action in the reply", hint="call one of the tools")
    call = reply.tool_calls[place]
    arguments = _arguments(call.arguments)
    if call.name == ReviseInstructions.tool_name:
        return Proposal(_instructions(arguments))
    example = arguments.pop("example_arguments", None)
    if not isinstance(example, Mapping | None):
        raise FunctionError("example_arguments must be an object of arguments by name")
    return Proposal(edit_from_call(call.name, arguments), example or {})


def _instructions(arguments: Mapping[str, Any]) -> ReviseInstructions:
    text = arguments.get("instructions")
    if not isinstance(text, str) or not text.strip() or len(text) > 8_000:
        raise FunctionError("revise_instructions needs instructions, a text of at most 8,000 characters")
    return ReviseInstructions(instructions=text.strip())


def _arguments(text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise FunctionError(f"the arguments are not JSON: {error}", hint="escape quotes and newlines") from error
    if not isinstance(arguments, dict):
        raise FunctionError(f"the arguments are a {type(arguments).__name__}, not an object")
    return arguments
