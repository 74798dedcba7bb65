"""The drop-in for AutoGen's AgentOptimizer, and the defects of the original that it must not have."""

import pytest
from chat_double import ScriptedChat, act, text

import optim
from functions import ForgeError


def source(name, value):
    return f'def {name}() -> int:\n    """Gives {value}."""\n    return {value}\n'


def add(name, value):
    return act("add_function", name=name, source=source(name, value), example_arguments={})


def conversation(question="What is it?"):
    return [
        {"role": "user", "content": question},
        {"role": "assistant", "content": None,
         "tool_calls": [{"id": "1", "function": {"name": "one", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "1"},
        {"role": "assistant", "content": "It is 1."},
    ]  # fmt: skip


def stepped(optimizer, satisfied=True):
    optimizer.record_one_conversation(conversation(), is_satisfied=satisfied)
    return optimizer.step()


def test_every_registered_callable_runs_its_own_function():
    # the original's lambdas, made in a loop, all ran the last function (late binding)
    optimizer = optim.AutoGenOptimizer(3, ScriptedChat([add("one", 1), add("two", 2), act("terminate")]))
    signatures, callables = stepped(optimizer)
    assert [callables["one"](), callables["two"]()] == [1, 2]
    assert [item["func_sig"]["name"] for item in signatures] == ["one", "two"]
    assert not any(item["is_remove"] for item in signatures)


def test_what_was_rolled_back_is_named_for_removal():
    # in the original an added function stayed registered after it was removed or rolled back
    chat = ScriptedChat([add("one", 1), act("terminate"), act("terminate")])
    optimizer = optim.AutoGenOptimizer(2, chat)
    stepped(optimizer, satisfied=True)
    signatures, callables = stepped(optimizer, satisfied=False)
    assert signatures == [{"func_sig": {"name": "one"}, "is_remove": True}]
    assert callables == {"one": None}


def test_a_tie_is_no_improvement():
    # the original accepts an equal score
    chat = ScriptedChat([add("one", 1), act("terminate"), act("terminate")])
    optimizer = optim.AutoGenOptimizer(2, chat)
    stepped(optimizer, satisfied=True)
    stepped(optimizer, satisfied=True)
    assert optimizer.library.names == ()
    assert "score 1.000" in text(chat.requests[-1])


def test_a_step_without_a_conversation_is_an_error_that_says_so():
    # the original divides by zero
    with pytest.raises(ForgeError, match="record_one_conversation"):
        optim.AutoGenOptimizer(1, ScriptedChat([])).step()


def test_nobody_is_asked_at_a_prompt():
    with pytest.raises(ForgeError, match="is_satisfied"):
        optim.AutoGenOptimizer(1, ScriptedChat([])).record_one_conversation(conversation())


def test_calls_and_their_results_are_shown_to_the_optimizer():
    chat = ScriptedChat([act("terminate")])
    stepped(optim.AutoGenOptimizer(1, chat))
    assert "Call: one({})" in text(chat.requests[0])
    assert "Result of one: 1" in text(chat.requests[0])


def test_reset_forgets_everything():
    optimizer = optim.AutoGenOptimizer(1, ScriptedChat([add("one", 1)]))
    stepped(optimizer)
    optimizer.reset_optimizer()
    assert optimizer.library.names == ()
    with pytest.raises(ForgeError):
        optimizer.step()
