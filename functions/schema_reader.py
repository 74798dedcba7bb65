"""Turns a JSON schema into a schema of pydantic's engine, keyword by keyword.

Understood: type (one or several, with OpenAPI's nullable), enum, const, anyOf, oneOf, allOf, $ref into the schema,
properties, required, additionalProperties, items, prefixItems, and the bounds on numbers, texts and arrays. Other
keywords constrain nothing here, as the JSON Schema standard has it for words that a reader does not know.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_ANY_JSON = core_schema.definition_reference_schema("any JSON value")
_NO_NUMBER = "Input should be a valid number"


def read_schema(schema: Mapping[str, Any]) -> CoreSchema:
    """The core schema of a JSON schema; lax validation coerces what loses nothing, strict validation nothing.

    Raises:
        TypeError, KeyError, AttributeError, ValueError, RecursionError: the schema is malformed.
    """
    reader = _Reader(schema)
    core = reader.read(schema)
    return core_schema.definitions_schema(core, [_any_json(), *reader.definitions])


class _Reader:
    """Turns JSON schema into the core schema of pydantic, keeping what `$ref` points to as definitions."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._seen: set[str] = set()
        self.definitions: list[CoreSchema] = []

    def read(self, schema: object) -> CoreSchema:
        if schema is True or schema == {}:
            return _ANY_JSON
        if not isinstance(schema, Mapping):
            raise TypeError(f"{schema!r} is no schema")
        read = self._nullable(schema) if schema.get("nullable") is True else self._read(schema)
        return read

    def _nullable(self, schema: Mapping[str, Any]) -> CoreSchema:
        return core_schema.nullable_schema(self._read(schema))

    def _read(self, schema: Mapping[str, Any]) -> CoreSchema:
        if "$ref" in schema:
            return self._reference(schema["$ref"])
        if "enum" in schema:
            return _one_of(list(schema["enum"]))
        if "const" in schema:
            return _one_of([schema["const"]])
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return _either([self.read(part) for part in schema[word]])
        if "allOf" in schema:
            return self._read(_merged(schema))
        kind = schema.get("type", "object" if "properties" in schema else "array" if "items" in schema else None)
        if isinstance(kind, list):
            return _either([self._typed(str(part), schema) for part in kind])
        return _ANY_JSON if kind is None else self._typed(str(kind), schema)

    def _property(self, schema: object) -> CoreSchema:
        """A property whose default is null takes null, declared or not: callers spell defaults out."""
        is_null_default = isinstance(schema, Mapping) and "default" in schema and schema["default"] is None
        return core_schema.nullable_schema(self.read(schema)) if is_null_default else self.read(schema)

    def _reference(self, pointer: str) -> CoreSchema:
        if pointer not in self._seen:
            self._seen.add(pointer)
            target: Any = self._root
            for part in pointer.removeprefix("#").strip("/").split("/") if pointer != "#" else ():
                target = target[part.replace("~1", "/").replace("~0", "~")]
            definition = core_schema.no_info_before_validator_function(_unchanged, self.read(target))
            self.definitions.append({**definition, "ref": pointer})
        return core_schema.definition_reference_schema(pointer)

    def _typed(self, kind: str, schema: Mapping[str, Any]) -> CoreSchema:
        match kind:
            case "integer":
                return _integer(_number_bounds(schema))
            case "number":
                return _number(_number_bounds(schema))
            case "string":
                return _text(schema)
            case "boolean":
                return core_schema.bool_schema()
            case "null":
                return core_schema.none_schema()
            case "array":
                return self._array(schema)
            case "object":
                return self._object(schema)
        raise ValueError(f"unknown type {kind!r}")

    def _array(self, schema: Mapping[str, Any]) -> CoreSchema:
        bounds = _length_bounds(schema, "minItems", "maxItems")
        prefix = schema.get("prefixItems")
        if prefix:
            parts = [self.read(part) for part in prefix]
            rest = schema.get("items", True)
            if rest is False or schema.get("maxItems", len(prefix) + 1) <= len(prefix):
                items: CoreSchema = core_schema.tuple_schema(parts)
            else:
                items = core_schema.tuple_schema([*parts, self.read(rest)], variadic_item_index=len(parts))
            return _tuple_as_list(core_schema.no_info_before_validator_function(_as_tuple, items))
        array: CoreSchema = core_schema.list_schema(self.read(schema.get("items", True)), fail_fast=True, **bounds)
        if schema.get("uniqueItems") is True:
            array = core_schema.no_info_after_validator_function(_all_different, array)
        return array

    def _object(self, schema: Mapping[str, Any]) -> CoreSchema:
        properties, extra = schema.get("properties", {}), schema.get("additionalProperties", True)
        required = set(schema.get("required", ()))
        if not properties and not required and extra is not False:
            return core_schema.dict_schema(core_schema.str_schema(strict=True), self.read(extra))
        fields = {
            name: core_schema.typed_dict_field(self._property(properties.get(name, True)), required=name in required)
            for name in [*properties, *sorted(required - set(properties))]
        }
        if extra is False:
            return core_schema.typed_dict_schema(fields, extra_behavior="forbid")
        return core_schema.typed_dict_schema(fields, extra_behavior="allow", extras_schema=self.read(extra))


def _any_json() -> CoreSchema:
    return core_schema.union_schema(
        [
            core_schema.none_schema(),
            core_schema.bool_schema(strict=True),
            core_schema.int_schema(strict=True),
            core_schema.float_schema(strict=True, allow_inf_nan=False),
            core_schema.str_schema(strict=True),
            core_schema.list_schema(_ANY_JSON, strict=True, fail_fast=True),
            _tuple_as_list(core_schema.tuple_schema([_ANY_JSON], variadic_item_index=0, strict=True)),
            core_schema.dict_schema(core_schema.str_schema(strict=True), _ANY_JSON),
        ],
        ref="any JSON value",
        custom_error_type="not_json",
        custom_error_message="Input should be a JSON value (null, a finite number, a text, a list, ...)",
    )


def _tuple_as_list(items: CoreSchema) -> CoreSchema:
    return core_schema.no_info_after_validator_function(list, items)


def _either(members: list[CoreSchema]) -> CoreSchema:
    solid = [member for member in members if member["type"] != "none"]
    if len(solid) == 1 and len(members) == 2:
        return core_schema.nullable_schema(solid[0])
    return members[0] if len(members) == 1 else core_schema.union_schema(members)  # type: ignore[arg-type]


def _merged(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of allOf as one schema: properties and required are united, a later keyword wins."""
    whole = {word: value for word, value in schema.items() if word != "allOf"}
    for part in schema["allOf"]:
        whole = {**whole, **part,
                 "properties": {**whole.get("properties", {}), **part.get("properties", {})},
                 "required": [*whole.get("required", ()), *part.get("required", ())]}  # fmt: skip
    return {word: value for word, value in whole.items() if value or word not in ("properties", "required")}


def _one_of(values: list[Any]) -> CoreSchema:
    scalars = [value for value in values if isinstance(value, (str, int, bool, type(None)))]
    if len(scalars) != len(values) or any(isinstance(value, bool) for value in values):
        return core_schema.no_info_plain_validator_function(_membership(values))
    known = core_schema.literal_schema(values)
    if any(isinstance(value, int) for value in values):  # True would equal the literal 1
        return core_schema.no_info_before_validator_function(_no_bool, known)
    return known


def _membership(values: list[Any]) -> Any:  # the type of a pydantic validator function is wider than a Callable
    known = {json.dumps(value, sort_keys=True): value for value in values}

    def require_member(value: object) -> object:
        try:
            return known[json.dumps(value, sort_keys=True)]
        except (KeyError, TypeError, ValueError):
            raise PydanticCustomError("enum", "Input should be one of {known}", {"known": ", ".join(known)}) from None

    return require_member


def _text(schema: Mapping[str, Any]) -> CoreSchema:
    bounds = _length_bounds(schema, "minLength", "maxLength")
    if isinstance(pattern := schema.get("pattern"), str):
        bounds |= {"pattern": pattern, "regex_engine": "python-re"}
    return core_schema.str_schema(coerce_numbers_to_str=True, **bounds)


def _number_bounds(schema: Mapping[str, Any]) -> dict[str, Any]:
    words = {
        "minimum": "ge",
        "maximum": "le",
        "exclusiveMinimum": "gt",
        "exclusiveMaximum": "lt",
        "multipleOf": "multiple_of",
    }
    bounds = {short: schema[word] for word, short in words.items() if _is_number(schema.get(word))}
    if schema.get("type") == "integer" and bounds.get("multiple_of", 1) % 1:
        del bounds["multiple_of"]
    return bounds


def _length_bounds(schema: Mapping[str, Any], least: str, most: str) -> dict[str, Any]:
    words = {least: "min_length", most: "max_length"}
    return {short: int(schema[word]) for word, short in words.items() if _is_number(schema.get(word))}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _unchanged(value: object) -> object:
    return value


def _integer(bounds: dict[str, Any]) -> CoreSchema:
    rounded = {"ge": math.ceil, "gt": math.floor, "le": math.floor, "lt": math.ceil}
    bounds = {word: rounded[word](bound) if word in rounded else bound for word, bound in bounds.items()}
    whole = core_schema.int_schema(**bounds)
    return core_schema.lax_or_strict_schema(core_schema.no_info_before_validator_function(_whole_number, whole), whole)


def _number(bounds: dict[str, Any]) -> CoreSchema:
    number = core_schema.float_schema(allow_inf_nan=False, **bounds)
    exact = core_schema.no_info_before_validator_function(_exact_number, number)
    if bounds:
        return core_schema.lax_or_strict_schema(exact, number)
    whole_or_not = core_schema.union_schema(  # a result may be a whole number of any size
        [core_schema.int_schema(), number],
        mode="left_to_right",
        custom_error_type="number",
        custom_error_message=_NO_NUMBER,
    )
    return core_schema.lax_or_strict_schema(exact, whole_or_not)


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError("no_bool", _NO_NUMBER)
    return value


def _whole_number(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)  # pydantic does this up to 64 bits only
    return _no_bool(value)


def _exact_number(value: object) -> object:
    if isinstance(value, int):
        if isinstance(value, bool):
            raise PydanticCustomError("no_bool", _NO_NUMBER)
        if abs(value) > 2**53 and not _is_exact_float(value):
            raise PydanticCustomError("loses_digits", "Input should be a number that a float holds exactly")
    return value


def _is_exact_float(value: int) -> bool:
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _all_different(value: list[Any]) -> list[Any]:
    if len({json.dumps(item, sort_keys=True) for item in value}) < len(value):
        raise PydanticCustomError("unique_items", "Input should have no item twice")
    return value
