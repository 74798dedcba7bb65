"""Edits are values, and tools that a language model can call."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from functions import Add, ArgumentError, Edit, FunctionError, Remove, Revise, Terminate
from functions.edits import edit_from_call, edit_tools
from functions.json_schema import JSONSchema

EDITS = [
    Add(name="f", source="def f(): pass", description="Words.", packages=["numpy"]),
    Revise(name="f", source="def f(): pass"),
    Revise(name="f", source="def f(): pass", packages=()),
    Remove(name="f"),
    Terminate(),
]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_survives_json(edit):
    assert TypeAdapter(Edit).validate_json(edit.model_dump_json()) == edit


def test_an_edit_is_frozen_and_hashable():
    with pytest.raises(ValidationError):
        EDITS[0].name = "g"
    assert len(set(EDITS)) == len(EDITS)


@pytest.mark.parametrize("kind", [Add, Revise])
def test_packages_as_one_text_are_split(kind):
    assert kind(name="f", source="", packages="numpy, sympy").packages == ("numpy", "sympy")


def test_packages_that_are_no_names_are_refused():
    with pytest.raises(FunctionError, match="is not a package name"):
        Add(name="f", source="", packages="numpy; rm -rf /")


def test_there_is_one_tool_for_each_edit_in_plain_json_schema():
    tools = {tool["function"]["name"]: tool["function"] for tool in edit_tools()}
    assert set(tools) == {"add_function", "revise_function", "remove_function", "terminate"}
    assert tools["add_function"]["parameters"]["required"] == ["name", "source"]
    for tool in tools.values():
        assert tool["description"]
        JSONSchema(tool["parameters"])
        assert "title" not in json.dumps(tool)
        assert "anyOf" not in json.dumps(tool)
        assert all(
            part["type"] in ("string", "array") and part["description"]
            for part in tool["parameters"]["properties"].values()
        )
    assert edit_tools() == edit_tools()


@pytest.mark.parametrize("edit", EDITS)
def test_a_call_with_an_edits_fields_gives_the_edit_back(edit):
    arguments = edit.model_dump(mode="json", exclude={"action"}, exclude_none=True)
    assert edit_from_call(edit.tool_name, arguments) == edit


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("add_functions", {}, "did you mean 'add_function'"),
        ("sing", {}, "there are add_function, revise_function, remove_function, terminate"),
        ("add_function", {"name": "f"}, "source: Field required (arguments: name, source, description, packages)"),
        ("remove_function", {"name": "f", "why": "x"}, "why: Extra inputs are not permitted"),
        ("remove_function", {"name": 3}, "name: Input should be a valid string"),
        ("terminate", {"name": "f"}, "(arguments: none)"),
    ],
)
def test_a_wrong_call_says_what_an_edit_needs(name, arguments, words):
    with pytest.raises(ArgumentError) as caught:
        edit_from_call(name, arguments)
    assert words in str(caught.value)
