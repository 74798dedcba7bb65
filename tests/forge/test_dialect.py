"""How actions are written and read, in both dialects, whatever a model does to them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.dialect import ReAct, ToolCalls
from forge.models.chat import Reply, ToolCall
from forge.models.protocol import Context, ToolSpec
from forge.session import Action, Call, Observation, Step

TWO = ToolSpec("add", "Adds.", {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}})
ONE = ToolSpec("python", "Runs code.", {"type": "object", "properties": {"code": {"type": "string"}}})
SUBMIT = ToolSpec("submit", "Ends.", {"type": "object", "properties": {"answer": {}}}, kind="tool")


def context(*steps):
    return Context("t", "What is it?", "Be good.", (TWO, ONE, SUBMIT), tuple(steps), seed=7)


def react(text, finish_reason="stop"):
    return ReAct().parse(Reply(text, finish_reason=finish_reason), context())


def tools(text="", *calls, finish_reason="stop"):
    return ToolCalls().parse(Reply(text, tuple(ToolCall(*c) for c in calls), finish_reason), context())


json_objects = st.dictionaries(st.text(), st.none() | st.booleans() | st.integers() | st.text(), max_size=4)


@given(st.lists(st.tuples(st.sampled_from(["add", "python"]), json_objects), min_size=1, max_size=3), st.text())
def test_tool_calls_that_are_written_are_read_again(calls, text):
    written = Action(text, tuple(Call(name, arguments, f"id{n}") for n, (name, arguments) in enumerate(calls)))
    seen = tuple(Observation(call.name, f"seen {n}") for n, call in enumerate(written.calls))
    turn = ToolCalls().request(context(Step(written, seen))).messages[2]
    raw = [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in turn["tool_calls"]]
    again = tools(turn["content"] or "", *raw)
    assert [(c.name, c.arguments, c.id) for c in again.calls] == [(c.name, c.arguments, c.id) for c in written.calls]
    assert again.text == text


def test_a_text_alone_is_the_answer_and_a_text_beside_calls_a_plan():
    assert tools("It is 4.").calls[0].arguments == {"answer": "It is 4."}
    action = tools("Let me add.", ("1", "add", '{"a": 1, "b": 2}'))
    assert (action.text, action.calls[0].arguments) == ("Let me add.", {"a": 1, "b": 2})


def test_an_empty_or_cut_off_reply_is_no_answer():
    assert tools("").calls == ()
    assert tools("   ").calls == ()
    for finish_reason in ("length", "content_filter"):
        assert tools("The answer is", finish_reason=finish_reason).calls == ()
        assert react("Final Answer: it is", finish_reason).calls == ()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('{"a": 1', "not valid JSON"),
        ("[1, 2]", "JSON object, not list"),
        ("'a'", "not valid JSON"),
        ("3", "not int"),
        ("[" * 100_000, "not valid JSON"),
        ('{"a": ' + "9" * 5000 + "}", "not valid JSON"),
        ('{"a": NaN}', "NaN is no JSON"),
        ("{'a': (1, 2)}", "not valid JSON"),  # JSON has no tuples
        ("{'a': {1, 2}}", "not valid JSON"),
        ("{1: 2}", "not valid JSON"),
        ("{a: 1}", "not valid JSON"),
        ('{"a": 1} and so on', "not valid JSON"),
        ('"add"', "JSON object, not str"),
    ],
)
def test_arguments_that_cannot_be_read_say_what_is_wrong(arguments, words):
    call = tools("", ("1", "add", arguments)).calls[0]
    assert words in call.error
    assert call.text == arguments


def test_no_arguments_are_an_empty_object():
    assert tools("", ("1", "add", "")).calls[0] == Call("add", {}, "1", "", "")
    assert tools("", ("1", "add", "null")).calls[0] == Call("add", {}, "1", "", "null")


@pytest.mark.parametrize(
    "arguments",
    [
        '{"a": 1, "b": null}',
        '```json\n{"a": 1, "b": null}\n```',
        '"{\\"a\\": 1, \\"b\\": null}"',
        "{'a': 1, 'b': None,}",
    ],
)
def test_arguments_that_say_the_same_in_another_way_are_read_and_sent_back_as_json(arguments):
    call = tools("", ("1", "add", arguments)).calls[0]
    assert (call.arguments, call.error) == ({"a": 1, "b": None}, "")
    turn = ToolCalls().request(context(Step(Action(calls=(call,)), (Observation("add", "1"),)))).messages[2]
    assert json.loads(turn["tool_calls"][0]["function"]["arguments"]) == {"a": 1, "b": None}


@pytest.mark.parametrize(("name", "sent"), [("functions.add", "functions_add"), ("", "unnamed"), ("x" * 99, "x" * 64)])
def test_a_made_up_name_goes_back_as_one_that_servers_take(name, sent):
    call = tools("", ("1", name, "{}")).calls[0]
    assert call.name == name
    turn = ToolCalls().request(context(Step(Action(calls=(call,)), (Observation(name, "?"),)))).messages[2]
    assert turn["tool_calls"][0]["function"]["name"] == sent


def test_arguments_that_were_cut_off_say_by_what():
    assert "length limit" in tools("", ("1", "add", '{"a": 1'), finish_reason="length").calls[0].error
    assert "content filter" in tools("", ("1", "add", '{"a": 1'), finish_reason="content_filter").calls[0].error
    assert tools("", ("1", "add", '{"a": 1}'), finish_reason="length").calls[0].error == ""


def test_every_call_is_answered_under_an_id_of_its_own_even_if_the_model_gave_none_or_one_twice():
    action = Action(calls=(Call("add", id="x"), Call("add", id="x"), Call("add")))
    seen = tuple(Observation("add", str(n)) for n in range(3))
    turn, *answers = ToolCalls().request(context(Step(action, seen))).messages[2:]
    ids = [call["id"] for call in turn["tool_calls"]]
    assert len(set(ids)) == 3
    assert [(a["tool_call_id"], a["content"]) for a in answers] == list(zip(ids, "012", strict=True))


def test_a_nudge_is_the_users_word_and_malformed_arguments_go_back_as_json():
    nudge = Step(Action(""), (Observation("", "Your reply was empty."),))
    bad = Step(Action(calls=(Call("add", {}, "1", "not JSON", "{oops"),)), (Observation("add", "not JSON"),))
    messages = ToolCalls().request(context(nudge, bad)).messages
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user", "assistant", "tool"]
    assert json.loads(messages[4]["tool_calls"][0]["function"]["arguments"]) == {"malformed": "{oops"}


def test_descriptions_keep_to_what_providers_take():
    long = ToolSpec("long", "x" * 5000, {"type": "object", "properties": {}})
    request = ToolCalls().request(Context("t", "?", "", (long,)))
    assert len(request.tools[0]["function"]["description"]) <= 1024


def test_a_reply_that_failed_is_an_error_action():
    for dialect in (ToolCalls(), ReAct()):
        action = dialect.parse(Reply(error="503"), context())
        assert (action.finish_reason, action.text, action.calls) == ("error", "503", ())


REACTED = {
    "the plain form": ('Thought: add\nAction: add\nAction Input: {"a": 1, "b": 2}', "add", {"a": 1, "b": 2}),
    "lower case and bold": ('**thought:** x\n**Action:** `add`\n**action input:** {"a": 1}', "add", {"a": 1}),
    "input over lines": ('Action: add\nAction Input: {\n "a": 1,\n "b": 2\n}', "add", {"a": 1, "b": 2}),
    "input in a fence": ('Action: add\nAction Input:\n```json\n{"a": 1}\n```', "add", {"a": 1}),
    "Python's own words": ("Action: add\nAction Input: {'a': 1, 'b': None}", "add", {"a": 1, "b": None}),
    "code for the one parameter": (
        "Action: python\nAction Input: print(1)\nprint(2)",
        "python",
        {"code": "print(1)\nprint(2)"},
    ),
    "code in a fence": ("Action: python\nAction Input:\n```python\nprint(1)\n```", "python", {"code": "print(1)"}),
    "a quoted text": ('Action: python\nAction Input: "print(1)"', "python", {"code": "print(1)"}),
    "no input": ("Action: add()", "add", {}),
    "two actions": ('Action: add\nAction Input: {"a": 1}\nAction: python\nAction Input: x', "add", {"a": 1}),
    "an observation of its own": (
        'Action: add\nAction Input: {"a": 1}\nObservation: 3\nFinal Answer: 3',
        "add",
        {"a": 1},
    ),
    "an answer": ("Thought: done\nFinal Answer: 42", "submit", {"answer": "42"}),
    "an answer over lines": ("Final Answer: one\ntwo", "submit", {"answer": "one\ntwo"}),
    "an answer as an action": ("Action: Final Answer\nAction Input: 42", "submit", {"answer": 42}),
    "an answer before an action": ("Final Answer: 1\nAction: add\nAction Input: {}", "submit", {"answer": "1"}),
}


@pytest.mark.parametrize("form", REACTED)
def test_react_is_read_in_the_forms_that_models_write(form):
    text, name, arguments = REACTED[form]
    action = react(text)
    assert (action.calls[0].name, action.calls[0].arguments, action.calls[0].error) == (name, arguments, "")
    assert "Observation" not in action.text
    assert len(action.calls) == 1


lines = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" ")).map(str.strip)


@given(lines.filter(lambda text: ":" not in text), st.sampled_from(["add", "python"]), json_objects, st.booleans())
def test_react_that_is_written_as_asked_is_read_again(thought, name, arguments, hallucinated):
    text = f"Thought: {thought}\nAction: {name}\nAction Input: {json.dumps(arguments)}"
    action = react(text + "\nObservation: 1\nFinal Answer: 1" * hallucinated)
    assert [(call.name, call.arguments, call.error) for call in action.calls] == [(name, arguments, "")]
    assert action.text == text


def test_react_without_an_action_is_none_and_bad_input_says_what_is_wrong():
    assert react("I think it is 4.").calls == ()
    assert react("").calls == ()
    assert react("Thought: hm\nFinal Answer:").calls == ()
    assert "not valid JSON" in react("Action: add\nAction Input: one and two").calls[0].error
    assert "length limit" in react("Action: add", finish_reason="length").calls[0].error


def test_react_shows_functions_in_words_and_stops_before_an_observation():
    step = Step(Action("Thought: x\nAction: add\nAction Input: {}"), (Observation("add", "3"),))
    request = ReAct().request(context(step))
    assert request.tools == ()
    assert "- add: Adds." in request.messages[0]["content"]
    assert "submit" not in request.messages[0]["content"]
    assert request.stop == ("\nObservation:",)
    assert request.messages[-1] == {"role": "user", "content": "Observation: 3"}
    assert request.seed == 7


@given(st.text())
def test_whatever_a_model_writes_reading_it_gives_an_action(text):
    assert isinstance(react(text), Action)
    assert isinstance(tools(text, ("1", "add", text)), Action)
