"""The LLM optimizer's step: one action a request, checked at once, mended at most twice."""

import pytest
from chat_double import ScriptedChat, act, text
from toy import Caller, dataset, solve

import forge
import optim
from forge.models.chat import Reply
from forge.session import Usage
from functions import ForgeError, Library
from functions.edits import Add, Remove, Revise, Terminate


def propose(chat, library=None, *, failed=(), **settings):
    """One step on a library that was really played."""
    library = library if library is not None else Library()
    agent = forge.Agent(model=Caller(), library=library)
    evaluation = forge.evaluate(agent, dataset(4))
    evidence = optim.Evidence(
        tasks=dataset(4).tasks,
        sessions=evaluation.sessions,
        metric=dataset(4).metric,
        sandbox=agent.sandbox,
        meter=forge.Meter(),
        failed=tuple(failed),
    )
    return optim.AgentOptimizer(chat, **settings).propose(library, evidence), evidence


def library(*reaches):
    return Library().apply([Add(name="solve", source=solve(reach)) for reach in reaches])


def test_each_action_is_asked_for_by_a_request_of_its_own_that_shows_the_list_so_far():
    written = {"name": "solve", "example_arguments": {"n": 1}}
    chat = ScriptedChat(
        [act("add_function", source=solve(3), **written), act("revise_function", source=solve(4), **written)]
    )
    edits, _ = propose(chat, max_actions=2)
    assert [type(edit) for edit in edits] == [Add, Revise]
    assert len(chat.requests) == 2
    assert "n < 3" not in text(chat.requests[0])
    assert "n < 3" in text(chat.requests[1])


def test_terminate_ends_the_step_at_once():
    # the reference implementation goes on asking (defect 3 of the notes on AgentOptimizer's code)
    chat = ScriptedChat([act("add_function", name="solve", source=solve(3), example_arguments={"n": 1}),
                         act("terminate"), act("remove_function", name="solve")])  # fmt: skip
    edits, _ = propose(chat, max_actions=3)
    assert [type(edit) for edit in edits] == [Add]
    assert len(chat.requests) == 2


def test_a_first_terminate_is_said_so():
    assert propose(ScriptedChat([act("terminate")]))[0] == [Terminate()]
    assert propose(ScriptedChat([Reply(text="TERMINATE")]))[0] == [Terminate()]


def test_no_more_than_max_actions_are_taken():
    replies = [act("add_function", name=f"f{n}", source=solve(n).replace("solve", f"f{n}"), example_arguments={"n": 1})
               for n in range(9)]  # fmt: skip
    assert len(propose(ScriptedChat(replies), max_actions=3)[0]) == 3


WRONG = {
    "a name that is not the def's": (act("add_function", name="other", source=solve(3), example_arguments={}), "other"),
    "a syntax error": (act("add_function", name="solve", source="def solve(n:\n", example_arguments={}), "line 1"),
    "no annotations": (
        act("add_function", name="solve", source="def solve(n):\n    'Twice.'\n    return n\n", example_arguments={}),
        "annot",
    ),
    "no docstring": (
        act("add_function", name="solve", source="def solve(n: int) -> int:\n    return n\n", example_arguments={}),
        "docstring",
    ),
    "an example that raises": (
        act("add_function", name="solve", source=solve(3).replace("2 * n", "n / 0"), example_arguments={"n": 1}),
        "ZeroDivisionError",
    ),
    "an example that does not fit": (
        act("add_function", name="solve", source=solve(3), example_arguments={"m": 1}),
        "'m'",
    ),
    "removing what is not there": (act("remove_function", name="solv"), "solv"),
    "an unknown action": (act("rewrite_everything"), "rewrite_everything"),
    "no action at all": (Reply(text="I would add a function."), "no action"),
    "a reply that was cut off": (Reply(text="I would", finish_reason="length"), "cut off"),
    "a missing argument": (act("add_function", name="solve"), "source"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_goes_back_to_the_model_which_may_mend_it(mistake):
    wrong, words = WRONG[mistake]
    good = act("add_function", name="solve", source=solve(3), example_arguments={"n": 1})
    chat = ScriptedChat([wrong, good])
    edits, _ = propose(chat, max_actions=1)
    assert [edit.name for edit in edits] == ["solve"]
    assert words in text(chat.requests[1])


def test_after_two_repairs_an_action_is_given_up():
    wrong = act("add_function", name="other", source=solve(3), example_arguments={})
    chat = ScriptedChat([wrong] * 3 + [act("terminate")])
    assert propose(chat, max_actions=2)[0] == [Terminate()]
    assert len(chat.requests) == 4


def test_malformed_json_goes_back_and_every_tool_call_is_answered():
    bad = act("add_function")
    bad = Reply(tool_calls=(bad.tool_calls[0].__class__("a", "add_function", "{oops"),
                            bad.tool_calls[0].__class__("b", "terminate", "{}")))  # fmt: skip
    chat = ScriptedChat([bad, act("terminate")])
    propose(chat)
    answered = [message["tool_call_id"] for message in chat.requests[1].messages if message["role"] == "tool"]
    assert answered == ["a", "b"]
    assert "not JSON" in text(chat.requests[1])


def test_failed_sessions_come_first_and_the_traces_keep_to_the_token_cap():
    chat = ScriptedChat([act("terminate")])
    propose(chat, library(2), history_tokens=500)
    words = text(chat.requests[0])
    assert words.index("Task t2: score 0") < words.index("Task t0: score 1")
    assert "Expected: 4" in words


def test_failed_libraries_are_shown_with_code_and_score():
    chat = ScriptedChat([act("terminate")])
    tried = optim.FailedLibrary(library(1), (Revise(name="solve", source=solve(1)),), 0.25, "")
    propose(chat, library(2), failed=[tried])
    assert "score 0.250" in text(chat.requests[0])
    assert "n < 1" in text(chat.requests[0])


def test_frozen_functions_are_shown_as_fixed_and_may_not_be_touched():
    frozen = Library([forge.python_interpreter])
    chat = ScriptedChat([act("remove_function", name="python"), act("terminate")])
    assert propose(chat, frozen)[0] == [Terminate()]
    assert "fixed" in text(chat.requests[0])


def test_a_revision_that_uses_an_undefined_name_is_handed_back():
    broken = solve(3).replace("2 * n", "twice(n)")
    chat = ScriptedChat([act("revise_function", name="solve", source=broken, example_arguments={"n": 9}),
                         act("remove_function", name="solve")])  # fmt: skip
    edits, _ = propose(chat, library(2), max_actions=1)
    assert [type(edit) for edit in edits] == [Remove]
    assert "twice, which nothing defines" in text(chat.requests[1])


def test_a_revision_whose_code_is_broken_on_recorded_calls_is_handed_back():
    broken = solve(3).replace("2 * n", "n.twice if n > 5 else __import__('twice')")
    chat = ScriptedChat([act("revise_function", name="solve", source=broken, example_arguments={"n": 9}),
                         act("remove_function", name="solve")])  # fmt: skip
    edits, _ = propose(chat, library(2), max_actions=1)
    assert [type(edit) for edit in edits] == [Remove]


def test_the_optimizers_own_tokens_are_counted():
    chat = ScriptedChat([act("terminate")])
    _, evidence = propose(chat)
    assert evidence.meter.spent == Usage(calls=1, input_tokens=10, output_tokens=5)


def test_a_spent_budget_ends_the_step_between_two_requests():
    chat = ScriptedChat([act("add_function", name="solve", source=solve(3), example_arguments={"n": 1})] * 5)
    agent = forge.Agent(model=Caller())
    result = forge.train(
        agent,
        dataset(4),
        optimizer=optim.AgentOptimizer(chat),
        acceptance=optim.Paper(),
        budget=forge.Budget(tokens=15),
    )
    assert len(chat.requests) == 1
    assert "budget" in result.stopped


def test_a_model_that_gives_no_reply_proposes_nothing():
    assert propose(ScriptedChat([Reply(error="503 after 4 tries")] * 3))[0] == []


def test_a_router_cannot_be_an_optimizer():
    with pytest.raises(ForgeError, match="SynthesisOptimizer"):
        optim.AgentOptimizer("router")


@pytest.mark.parametrize("setting", [{"max_actions": 0}, {"repairs": -1}, {"history_tokens": 10}])
def test_settings_that_cannot_be_are_refused_by_name(setting):
    with pytest.raises(ForgeError, match=next(iter(setting))):
        optim.AgentOptimizer(ScriptedChat([]), **setting)
