"""Checks JSON values against JSON schemas with pydantic: arguments with lossless coercion, results strictly."""

from __future__ import annotations

import contextlib
import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import SchemaError, SchemaValidator, ValidationError

from functions.errors import ArgumentError, ForgeError
from functions.schema_reader import read_schema

_SHOWN_CHARACTERS = 80
_MISSING, _UNKNOWN = "is missing", "is unknown"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One value that does not fit: where it stands ("rows[0].price", "" for the whole) and what is wrong with it."""

    where: str
    what: str
    value: object

    def __str__(self) -> str:
        if self.what in (_MISSING, _UNKNOWN):
            return f"{self.where[:80]!r} {self.what}"
        return f"{self.where or 'the value'} {self.what}, not {_shown(self.value)}"


class MismatchError(Exception):
    """A value does not fit a schema; `mismatches` lists where. Turned into a ForgeError by whoever knows the owner."""

    def __init__(self, mismatches: Sequence[Mismatch]) -> None:
        self.mismatches = tuple(mismatches)
        super().__init__("; ".join(map(str, mismatches)))


class JSONSchema:
    """A JSON schema made ready to check values; building takes tens of microseconds, checking about one.

    Raises:
        ForgeError: the schema itself is malformed.
    """

    def __init__(self, schema: Mapping[str, Any], *, closed: bool = False) -> None:
        """`closed` refuses names that the schema, an object's, does not declare, unless it allows them explicitly."""
        self.schema = dict(schema)
        try:
            self._validator = SchemaValidator(read_schema(_closed(self.schema) if closed else self.schema))
        except (SchemaError, TypeError, KeyError, AttributeError, ValueError, RecursionError) as error:
            raise ForgeError(f"not a JSON schema that can be checked: {_shown(self.schema)} ({error})") from None

    def coerce(self, value: object) -> Any:
        """The value as the schema wants it, where nothing is lost by it: "3" for an integer gives 3, 3.7 does not.

        Raises:
            MismatchError: it does not fit.
        """
        try:
            return self._validator.validate_python(value)
        except ValidationError as error:
            raise MismatchError(_mismatches(error, value)) from None

    def check(self, value: object) -> None:
        """Accept only what has the schema's types already (a whole number where a number is asked for is fine).

        Raises:
            MismatchError: it does not fit.
        """
        try:
            self._validator.validate_python(value, strict=True)
        except ValidationError as error:
            raise MismatchError(_mismatches(error, value)) from None


def validate_arguments(
    schema: JSONSchema | Mapping[str, Any], arguments: Mapping[str, object], *, name: str
) -> dict[str, Any]:
    """The arguments of a call of `name`, checked and coerced; only the given ones.

    JSON text given where a list or an object is wanted is read, since models write that often. Callers who check often
    pass a `JSONSchema(..., closed=True)`; a plain schema is made ready anew, and closed, each time.

    Raises:
        ArgumentError: unknown, missing or unfit arguments, each named, with the list of parameters.
        ForgeError: the schema is malformed.
    """
    ready = schema if isinstance(schema, JSONSchema) else JSONSchema(schema, closed=True)
    if not isinstance(arguments, Mapping):
        raise ArgumentError(f"{name}: arguments must be an object of names and values, not {_shown(arguments)}",
                            hint=parameter_summary(ready.schema))  # fmt: skip
    try:
        return dict(ready.coerce(arguments))
    except MismatchError as mismatch:
        decoded = _decode_texts(mismatch, arguments)
        if decoded != arguments:
            return validate_arguments(ready, decoded, name=name)
        raise _argument_error(name, ready.schema, arguments, mismatch) from None


def parameter_summary(schema: Mapping[str, Any]) -> str:
    """One line on what a call takes: "parameters: total: number, count: integer (optional)"."""
    required = set(schema.get("required", ()))
    parts = [
        f"{name}: {type_words(part)}" + ("" if name in required else " (optional)")
        for name, part in schema.get("properties", {}).items()
    ]
    return f"parameters: {', '.join(parts)}" if parts else "it takes no parameters"


def type_words(schema: object) -> str:
    """A schema's type in few words, for messages."""
    if not isinstance(schema, Mapping):
        return "any"
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"][:8])
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " | ".join(type_words(part) for part in schema[word])
    kind = schema.get("type", "any")
    kind = " | ".join(map(str, kind)) if isinstance(kind, list) else str(kind)
    items = schema.get("items")
    return f"array of {type_words(items)}" if kind == "array" and items else kind


def _closed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"additionalProperties": False, **schema, "type": "object"}


def _mismatches(error: ValidationError, value: object) -> list[Mismatch]:
    """One mismatch a place: what the alternatives of a union said about one place is joined with "or"."""
    places: dict[str, list[tuple[str, object]]] = {}
    for item in error.errors(include_url=False, include_context=False):
        where = _where(item["loc"], value, names_a_key=item["type"] in ("missing", "extra_forbidden"))
        places.setdefault(where, []).append((_needs(item["type"], item["msg"]), item["input"]))
    return [Mismatch(where, _alternatives(found), found[0][1]) for where, found in places.items()]


def _alternatives(found: list[tuple[str, object]]) -> str:
    return " or ".join(dict.fromkeys(what for what, _ in found)).replace(" or must be ", " or ")


def _needs(kind: str, message: str) -> str:
    if kind == "missing":
        return _MISSING
    if kind == "extra_forbidden":
        return _UNKNOWN
    if kind in ("int_parsing", "int_from_float", "float_parsing", "bool_parsing"):
        message = message.partition(",")[0]  # what follows tells how, which the value shows
    return message.replace("Input should ", "must ")


def _where(location: tuple[int | str, ...], value: object, *, names_a_key: bool) -> str:
    """The path of an error in the value; steps that the value does not have are pydantic's names of alternatives."""
    path = ""
    for place, step in enumerate(location):
        is_last = place == len(location) - 1
        if isinstance(value, Mapping) and isinstance(step, str) and (step in value or (names_a_key and is_last)):
            path, value = f"{path}.{step}" if path else step, value.get(step)
        elif isinstance(value, (list, tuple)) and isinstance(step, int) and step < len(value):
            path, value = f"{path}[{step}]", value[step]
    return path


def _decode_texts(mismatch: MismatchError, arguments: Mapping[str, object]) -> dict[str, object]:
    """The arguments, with JSON texts read where something else was wanted."""
    decoded = dict(arguments)
    for item in mismatch.mismatches:
        value = arguments.get(item.where)
        if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
            with contextlib.suppress(ValueError, RecursionError):
                decoded[item.where] = json.loads(value)
    return decoded


def _argument_error(
    name: str, schema: Mapping[str, Any], arguments: Mapping[str, object], mismatch: MismatchError
) -> ArgumentError:
    known = list(schema.get("properties", {}))
    reasons: list[str] = []
    for item in mismatch.mismatches[:5]:
        near: list[str] = []
        if item.what == _UNKNOWN and item.where in arguments:
            near = difflib.get_close_matches(item.where, [word for word in known if word not in arguments], n=1)
        reasons.append(str(item) + (f", did you mean {near[0]!r}?" if near else ""))
    if (more := len(mismatch.mismatches) - len(reasons)) > 0:
        reasons.append(f"and {more} more")
    return ArgumentError(f"{name}: {'; '.join(reasons)}", hint=parameter_summary(schema))


def _shown(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 3] + "..."
