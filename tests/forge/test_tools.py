"""Trusted tools: how they are described, checked and run."""

import asyncio
from typing import Literal

import pytest
from doubles import Scripted, call, submit, turns

import forge
from forge.tools import World
from functions import ArgumentError, ForgeError


def weather(city: str, unit: Literal["C", "F"] = "C") -> str:
    """Today's weather.

    Args:
        city: where.
    """
    return f"{city}: 20 {unit}"


def used(tool, **arguments):
    agent = forge.Agent(model=Scripted(turns(call(tool.name, **arguments), submit("x"))), tools=[tool])
    return agent.run("how is it?").steps[0].observations[0]


def test_a_tool_is_described_by_its_annotations_and_docstring():
    tool = forge.Tool(weather)
    assert (tool.name, tool.description) == ("weather", "Today's weather.")
    assert tool.parameters["properties"]["city"]["description"] == "where."
    assert tool.parameters["properties"]["unit"]["enum"] == ["C", "F"]
    assert tool.parameters["required"] == ["city"]


def test_arguments_are_checked_before_a_tool_runs():
    assert used(forge.Tool(weather), city="Rome").value == "Rome: 20 C"
    assert used(forge.Tool(weather), city="Rome", unit="K").error == "arguments"
    assert used(forge.Tool(weather), town="Rome").error == "arguments"


def test_whatever_a_tool_raises_is_an_observation():
    def broken() -> str:
        raise RuntimeError("the line is dead")

    seen = used(forge.Tool(broken))
    assert seen.error == "raised"
    assert "the line is dead" in seen.text


def test_ctrl_c_in_a_tool_is_not_swallowed():
    def interrupted() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        used(forge.Tool(interrupted))


def test_an_async_tool_is_awaited():
    async def slow(x: int) -> int:
        await asyncio.sleep(0)
        return x + 1

    async def notebook():
        return used(forge.Tool(slow), x=2).value

    assert used(forge.Tool(slow), x=1).value == 2
    assert asyncio.run(notebook()) == 3


def test_a_tool_may_ask_for_the_world_which_the_model_is_not_told_of():
    def question_length(world: World) -> int:
        return len(world.task.question)

    tool = forge.Tool(question_length)
    assert tool.parameters["properties"] == {}
    assert used(tool).value == len("how is it?")


def test_a_given_schema_describes_and_checks():
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    tool = forge.Tool(lambda n: n * 2, name="double", description="Twice n.", parameters=schema)
    assert used(tool, n=4).value == 8
    assert used(tool, n="four").error == "arguments"


def test_a_value_that_is_no_json_is_recorded_as_its_text():
    seen = used(forge.Tool(lambda: {1, 2}, name="numbers"))
    assert seen.value == seen.text == "{1, 2}"


@pytest.mark.parametrize("wrong", [lambda x: x, 42])
def test_what_cannot_be_named_or_called_is_refused(wrong):
    with pytest.raises(ForgeError, match="Tool"):
        forge.Tool(wrong)


def test_star_parameters_are_refused_by_name():
    with pytest.raises(ForgeError, match="more"):
        _ = forge.Tool(lambda *more: more, name="many").parameters


def test_calling_a_tool_directly_raises_what_is_wrong():
    with pytest.raises(ArgumentError, match="city"):
        forge.Tool(weather).call({}, World(forge.Task("t", "?")))
