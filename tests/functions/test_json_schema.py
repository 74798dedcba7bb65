"""Arguments against given JSON schemas, such as those of tools that others wrote."""

import pytest

from functions import ArgumentError, ForgeError
from functions.json_schema import JSONSchema, MismatchError, parameter_summary, type_words, validate_arguments

FITTING = [
    ({"type": "integer", "minimum": 1, "maximum": 3}, [1, 3], [0, 4, "x"]),
    ({"type": "integer", "exclusiveMinimum": 1}, [2], [1]),
    ({"type": "number", "multipleOf": 0.5}, [1.5], [1.2]),
    ({"type": "integer", "minimum": 0.5, "exclusiveMaximum": 2.5, "multipleOf": 0.5}, [1, 2], [0, 3]),
    ({"type": "number", "minimum": 0}, [0, 0.5, 10**20], [-1]),
    ({"type": "string", "minLength": 2, "maxLength": 3}, ["ab"], ["a", "abcd"]),
    ({"type": "string", "pattern": "^a(?=b)"}, ["ab"], ["ac"]),
    ({"type": ["string", "null"]}, ["a", None], [[1]]),
    ({"type": "string", "nullable": True}, ["a", None], [[1]]),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2}, [[1]], [[], [1, 2, 3], ["a"]]),
    ({"type": "array", "uniqueItems": True}, [[1, 2, "1"]], [[1, 1], [{"a": 1}, {"a": 1}]]),
    (
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]},
        [[1, "a"], [1, "a", None]],
        [["a", "a"], [1]],
    ),
    ({"type": "array", "prefixItems": [{"type": "integer"}], "items": False}, [[1]], [[1, 2]]),
    ({"prefixItems": [{"type": "integer"}], "items": {"type": "string"}, "type": "array"}, [[1, "a"]], [[1, []]]),
    ({"enum": ["a", 1, None]}, ["a", 1, None], ["b", True]),
    ({"enum": [True, "a"]}, [True, "a"], [1, False]),
    ({"enum": [[1], {"a": 2}]}, [[1], {"a": 2}], [[2]]),
    ({"enum": [1.5, 2]}, [1.5, 2], [1]),
    ({"const": 3}, [3], [4]),
    ({"anyOf": [{"type": "integer"}, {"type": "array"}]}, [1, []], ["a", None]),
    ({"oneOf": [{"type": "integer"}, {"type": "null"}]}, [1, None], ["a"]),
    ({"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}}, {"required": ["a"]}]}, [{"a": 1}], [{}]),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, [{}, {"x": 1}], [{"x": "y"}, []]),
    ({"type": "object", "properties": {"a": {"type": "integer"}}}, [{}, {"b": 1}], [{"a": "x"}]),
    ({"type": "object", "required": ["a"]}, [{"a": None}], [{}]),
    ({"properties": {"a": {"type": "integer"}}, "additionalProperties": False}, [{"a": 1}], [{"b": 1}]),
    ({"properties": {}, "additionalProperties": False, "type": "object"}, [{}], [{"b": 1}]),
    ({"items": {"type": "integer"}}, [[1]], [["a"]]),
    ({"properties": {"a": {"type": "string", "default": None}}}, [{"a": None}, {"a": "x"}], [{"a": []}]),
    ({"type": "null"}, [None], [0]),
    ({"type": "boolean"}, [True], ["maybe"]),
    ({}, [None, 1, "a", [{}]], [{1}, object(), float("nan"), {1: 2}]),
    ({"description": "anything", "if": {"type": "string"}}, [1], [object()]),
]


@pytest.mark.parametrize(("schema", "good", "bad"), FITTING, ids=[str(row[0]) for row in FITTING])
def test_values_fit_or_do_not(schema, good, bad):
    ready = JSONSchema(schema)
    for value in good:
        assert ready.coerce(value) == value
        ready.check(value)
    for value in bad:
        with pytest.raises(MismatchError):
            ready.coerce(value)
        with pytest.raises(MismatchError):
            ready.check(value)


def test_a_schema_may_refer_to_its_own_parts_even_to_itself():
    tree = {
        "type": "object",
        "properties": {"value": {"$ref": "#/$defs/whole"}, "children": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["value"],
        "$defs": {"whole": {"type": "integer"}},
    }
    ready = JSONSchema(tree)
    assert ready.coerce({"value": "1", "children": [{"value": 2.0, "children": []}]}) == {
        "value": 1,
        "children": [{"value": 2, "children": []}],
    }
    with pytest.raises(MismatchError, match=r"children\[0\]\.value must be a valid integer, not \"x\""):
        ready.coerce({"value": 1, "children": [{"value": "x"}]})


@pytest.mark.parametrize(
    "schema",
    [{"type": "integr"}, {"type": "object", "properties": 3}, {"$ref": "#/nowhere"}, {"anyOf": "x"}, {"type": "array", "items": 3},  # noqa: E501
     {"type": "string", "pattern": "("}],
)  # fmt: skip
def test_a_malformed_schema_is_a_forge_error(schema):
    with pytest.raises(ForgeError, match="not a JSON schema that can be checked"):
        JSONSchema(schema)


def test_a_closed_schema_refuses_unknown_names_unless_it_allows_them():
    open_, closed = {"type": "object", "properties": {"a": {}}}, {"additionalProperties": True, "properties": {"a": {}}}
    assert JSONSchema(open_).coerce({"b": 1}) == {"b": 1}
    assert JSONSchema(closed, closed=True).coerce({"b": 1}) == {"b": 1}
    with pytest.raises(MismatchError, match="'b' is unknown"):
        JSONSchema(open_, closed=True).coerce({"b": 1})


def test_arguments_with_odd_names_are_checked_like_others():
    schema = JSONSchema(
        {"type": "object", "properties": {"first-name": {"type": "integer"}, "class": {}, "": {}}}, closed=True
    )
    assert validate_arguments(schema, {"first-name": "1", "class": 2, "": 3}, name="tool") == {
        "first-name": 1,
        "class": 2,
        "": 3,
    }
    with pytest.raises(ArgumentError, match=r"tool: first-name must be a valid integer, not \"x\""):
        validate_arguments(schema, {"first-name": "x"}, name="tool")


def test_text_is_read_as_json_only_where_a_list_or_object_is_wanted():
    schema = JSONSchema(
        {"type": "object", "properties": {"a": {"type": "array"}, "b": {"type": "string"}}}, closed=True
    )
    assert validate_arguments(schema, {"a": "[1]", "b": "[1]"}, name="tool") == {"a": [1], "b": "[1]"}
    for text in ("[1", "1", "{}", "[" * 100_000):
        with pytest.raises(ArgumentError):
            validate_arguments(schema, {"a": text}, name="tool")


def test_a_summary_tells_names_types_and_what_may_be_left_out():
    schema = {
        "properties": {"a": {"type": "array", "items": {"type": "integer"}}, "b": {"enum": ["x", 1]}, "c": {}, "d": {"anyOf": [{"type": "null"}, {"type": ["string", "integer"]}]}},  # noqa: E501
        "required": ["a"],
    }  # fmt: skip
    assert parameter_summary(schema) == (
        'parameters: a: array of integer, b: "x" | 1 (optional), c: any (optional), d: null | string | integer (optional)'  # noqa: E501
    )
    assert parameter_summary({}) == "it takes no parameters"
    assert type_words(True) == "any"


def test_a_plain_schema_is_closed_and_made_ready_on_the_way():
    with pytest.raises(ArgumentError, match="'b' is unknown"):
        validate_arguments({"type": "object", "properties": {"a": {}}}, {"b": 1}, name="tool")
