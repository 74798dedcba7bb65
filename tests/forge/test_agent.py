"""What an agent does with a model's actions: every failure becomes an observation, every session ends."""

import asyncio
import time
from dataclasses import replace

import pytest
from doubles import Awaited, Scripted, call, submit, turns

import forge
import functions
from forge.session import Action, Call, Usage
from functions import ForgeError, Library


@functions.function
def halve(number: float) -> float:
    """Half of a number."""
    if number < 0:
        raise ValueError("only what is there can be halved")
    return number / 2


def played(*actions, **settings):
    return forge.Agent(model=Scripted(turns(*actions)), functions=[halve], **settings).run("how much?")


def test_a_function_is_called_and_its_value_submitted():
    session = played(call("halve", number=7), submit(3.5))
    assert (session.answer, session.stop) == (3.5, "submitted")
    assert [(made.name, seen.value) for made, seen in session.calls] == [("halve", 3.5), ("submit", "submitted")]
    assert session.usage == Usage(calls=2, input_tokens=14, output_tokens=6)


FAILURES = {
    "an unknown name": (call("halv", number=1), "unknown_name", "Did you mean halve?"),
    "arguments of a wrong type": (call("halve", number="much"), "arguments", "number"),
    "a missing argument": (call("halve"), "arguments", "missing"),
    "an unknown argument": (call("halve", number=1, by=2), "arguments", "'by'"),
    "a function that raises": (call("halve", number=-1), "raised", "ValueError: only what is there"),
    "malformed arguments": (Action(calls=(Call("halve", error="not JSON"),)), "malformed", "not JSON"),
    "an empty reply": (Action(), "no_call", "empty"),
    "a reply that was cut off": (Action("I would", finish_reason="length"), "no_call", "cut off"),
    "text without a call": (Action("I would halve it."), "no_call", "no call"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failure_is_an_observation_and_the_session_goes_on(failure):
    action, kind, words = FAILURES[failure]
    session = played(action, submit("done"))
    observation = session.steps[0].observations[0]
    assert observation.error == kind
    assert words in observation.text
    assert session.answer == "done"


def test_parallel_calls_are_all_answered_in_order_even_beside_a_submission():
    both = Action(calls=(Call("submit", {"answer": 1}), Call("halve", {"number": 4}), Call("submit", {"answer": 2})))
    session = played(both)
    assert session.answer == 1
    assert [seen.name for seen in session.steps[0].observations] == ["submit", "halve", "submit"]
    assert session.steps[0].observations[1].value == 2
    assert "already submitted" in session.steps[0].observations[2].text


def test_turns_are_bounded():
    session = played(Action("thinking"), max_turns=3)
    assert (len(session.steps), session.stop, session.answer) == (3, "turns", None)


def test_tokens_are_bounded():
    session = played(call("halve", number=1), max_tokens=15, max_turns=50)
    assert (len(session.steps), session.stop) == (2, "tokens")


def test_seconds_are_bounded():
    slow = Scripted(lambda context: time.sleep(0.02) or Action("thinking"))
    assert forge.Agent(model=slow, max_seconds=0.05, max_turns=100).run("?").stop == "seconds"


def test_a_model_that_gives_no_reply_ends_the_session_with_the_reason():
    session = played(Action("503 after 5 attempts", finish_reason="error"))
    assert (session.stop, session.error) == ("model_error", "503 after 5 attempts")


def test_the_model_never_sees_the_answer():
    model = Scripted(turns(call("halve", number=1), submit("x")))
    agent = forge.Agent(model=model, functions=[halve])
    agent.run(forge.Task("t", "how much?", "secret-4711", metadata={"gold": "secret-4711"}))
    assert all("secret-4711" not in repr(context) for context in model.seen)


def test_names_of_functions_and_tools_must_differ():
    with pytest.raises(ForgeError, match="halve"):
        forge.Agent(model="router", functions=[halve], tools=[forge.Tool(lambda x: x, name="halve")])
    with pytest.raises(ForgeError, match="submit"):
        forge.Agent(model="router", tools=[forge.Tool(lambda x: x, name="submit")])


@pytest.mark.parametrize("limit", ["max_turns", "max_tokens", "max_seconds"])
def test_limits_must_be_positive(limit):
    with pytest.raises(ForgeError, match=limit):
        forge.Agent(model="router", **{limit: 0})


def test_what_is_no_model_is_refused():
    with pytest.raises(ForgeError, match="no model"):
        forge.Agent(model=42)


def test_a_withheld_tool_is_not_offered_and_cannot_be_called():
    agent = forge.Agent(model="router", memory=forge.Memory(), withheld=("reflect",))
    names = {tool.name for tool in agent.all_tools}
    assert "reflect" not in names
    assert {"retrieve_memory", "update_memory", "submit"} <= names


@pytest.mark.parametrize("withheld", [("submit",), ("relfect",), "reflect"])
def test_only_built_in_tools_can_be_withheld(withheld):
    with pytest.raises(ForgeError, match="retrieve_memory, update_memory, reflect, clear_context, seek_advice"):
        forge.Agent(model="router", withheld=withheld)


def test_another_library_makes_another_agent_and_leaves_the_first():
    agent = forge.Agent(model="router", functions=[halve])
    other = replace(agent, library=Library())
    assert agent.library.names == ("halve",)
    assert other.library.names == ()
    assert other.sandbox is agent.sandbox


def test_a_hosted_model_can_be_run_inside_and_outside_an_event_loop():
    agent = forge.Agent(model=Awaited(turns(call("halve", number=3), submit(1.5))), functions=[halve])

    async def inside():
        return (await agent.arun("?")).answer, agent.run("?").answer

    assert agent.run("?").answer == 1.5
    assert asyncio.run(inside()) == (1.5, 1.5)


def test_memory_serves_the_tasks_of_a_run_and_the_reflections_of_the_agent():
    memory = forge.Memory()
    agent = forge.Agent(
        model=Scripted(turns(call("reflect", lesson="halves are small"), call("retrieve_memory", query="halves"),
                             submit("x"))),
        memory=memory,
    )  # fmt: skip
    session = agent.run("?")
    assert "halves are small" in session.steps[1].observations[0].text
    assert [entry.kind for entry in memory] == ["reflection"]


def test_advice_costs_once_a_call_and_comes_off_the_reward():
    asked = turns(call("seek_advice", question="?"), call("seek_advice", question="?"), submit("gold"))
    agent = forge.Agent(model=Scripted(asked), expert=forge.GoldExpert(cost=0.2))
    evaluation = forge.evaluate(agent, forge.Dataset([{"question": "q", "answer": "gold"}]))
    session = evaluation.sessions[0]
    assert (session.advice_count, session.advice_cost) == (2, pytest.approx(0.4))
    assert session.steps[0].observations[0].text == "gold"
    assert evaluation.reward == pytest.approx(0.6)
    assert evaluation.advice_rate == 1.0


def test_clearing_the_context_hides_earlier_steps_from_the_model_but_not_from_the_record():
    shown = []

    def behave(context):
        shown.append(len(context.steps))
        return [Action("a plan"), call("clear_context"), submit("x")][min(len(shown) - 1, 2)]

    session = forge.Agent(model=Scripted(behave), memory=forge.Memory()).run("?")
    assert shown == [0, 1, 0]
    assert len(session.steps) == 3


def test_a_result_too_long_for_a_context_is_clipped_with_a_word_about_it():
    long = functions.Function.from_source('def long() -> str:\n    return "x" * 50_000\n')
    session = forge.Agent(model=Scripted(turns(call("long"), submit("x"))), functions=[long]).run("?")
    text = session.steps[0].observations[0].text
    assert len(text) < 9_000
    assert "characters are left out" in text


def test_the_python_interpreter_prints_and_shows_the_last_value():
    agent = forge.Agent(
        model=Scripted(turns(call("python", code="x = 6\nprint('six')\nx * 7"), call("python", code="1/0"), submit(0))),
        functions=[forge.python_interpreter],
    )
    session = agent.run("?")
    assert session.steps[0].observations[0].value == "six\n42\n"
    assert "ZeroDivisionError" in session.steps[1].observations[0].text
    assert not agent.library["python"].trainable
