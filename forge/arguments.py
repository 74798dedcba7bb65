"""Reads the arguments of a call from the text that a model wrote."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_FENCE = re.compile(r"\A```[\w+-]*[ \t]*\n(?P<inside>.*?)\n?```\Z", re.S)
_LONGEST_LITERAL = 65_536  # characters; Python's own parser is not for more


def read_arguments(text: str) -> tuple[Mapping[str, Any], str]:
    """The arguments and what is wrong with them.

    One JSON object is read, and what says the same without a doubt: nothing or null for no arguments, an object in a
    code fence, in a JSON string, or as Python writes a dict. What had to be guessed is an error for the model to mend.
    """
    bare = unfenced(text)
    value, error = _json(bare) if bare else (None, "")
    if isinstance(value, str) and is_json_object(value):
        value = json.loads(value)
    if error and (literal := _python_object(bare)) is not None:
        value, error = literal, ""
    if error:
        return {}, f"the arguments are not valid JSON ({error}); write one JSON object"
    if value is not None and not isinstance(value, dict):
        return {}, f"the arguments must be a JSON object, not {type(value).__name__}"
    return value or {}, ""


def is_json_object(text: str) -> bool:
    """Whether a server will take the text as arguments just as it is."""
    return isinstance(_json(text)[0], dict)


def read_value(text: str, schema: Mapping[str, Any]) -> Any:  # any JSON value
    """One argument that stands alone: text as it is where the schema asks for text, else JSON where it is JSON."""
    wants_text = schema.get("type") == "string"
    if wants_text and not (len(text) > 1 and text[0] == text[-1] == '"'):
        return text
    value, error = _json(text)
    return text if error else value


def read_bare(text: str, schema: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """What `read_arguments` reads; a value alone goes to the only parameter.

    Where there are more, it goes to the only required one, or, if none is, to the first if that is text.

    Args:
        schema: of the arguments, a JSON schema of type object.
    """
    arguments, error = read_arguments(text)
    if not error:
        return arguments, ""
    alone, bare = _alone(schema), unfenced(text)
    if alone and not bare.startswith("{"):
        return {alone: read_value(bare, schema["properties"][alone])}, ""
    return {}, error


def _alone(schema: Mapping[str, Any]) -> str:
    """The parameter whose value may stand for all arguments, or ""."""
    properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    required: Sequence[str] = schema.get("required", ())
    candidates = required or tuple(properties)
    if len(candidates) == 1:
        return candidates[0] if candidates[0] in properties else ""
    optional_text = not required and candidates and properties[candidates[0]].get("type") == "string"
    return candidates[0] if optional_text else ""


def unfenced(text: str) -> str:
    """What is in a Markdown code fence, if the text is one."""
    fence = _FENCE.match(text.strip())
    return fence["inside"] if fence else text.strip()


def _json(text: str) -> tuple[Any, str]:
    """The value and what is wrong with it; NaN, huge numbers and deep nests are refused."""
    try:
        return json.loads(text, parse_constant=_refuse), ""
    except (ValueError, RecursionError) as error:
        return None, str(error)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _python_object(text: str) -> dict[str, Any] | None:
    """A dict as Python writes it ({'x': True}), if JSON can say the same."""
    if len(text) > _LONGEST_LITERAL:
        return None
    try:
        value = ast.literal_eval(text)
        same = json.loads(json.dumps(value, allow_nan=False))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, dict) and value == same else None
