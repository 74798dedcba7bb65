"""Recordings give the same replies again, and only those; scripted models follow their scripts."""

import pytest
from openai_server import Answer, OpenAIServer

import forge
from forge.models import LiteLLM, Recording, Replay, ScriptedChat, ScriptedModel
from forge.models.chat import ChatModel, ChatRequest, Reply
from forge.models.protocol import AsyncModel
from functions import ForgeError


def ask(text, **settings):
    return ChatRequest(
        messages=({"role": "system", "content": "be brief"}, {"role": "user", "content": text}), **settings
    )


def test_a_recorded_evaluation_plays_again_without_the_server(tmp_path):
    data = forge.Dataset([{"question": f"{n} + 1?", "answer": str(n + 1)} for n in range(4)])

    def script(request):
        tools_seen = [m for m in request["messages"] if m["role"] == "tool"]
        if not tools_seen:
            return Answer(calls=(("python", {"code": request["messages"][1]["content"].rstrip("?")}),))
        return Answer(tools_seen[-1]["content"].strip())

    with OpenAIServer(script) as server:
        live = Recording(LiteLLM("openai/x", api_base=server.url), tmp_path / "calls.jsonl")
        first = forge.evaluate(forge.Agent(model=live, functions=[forge.python_interpreter]), data)
    again = forge.evaluate(
        forge.Agent(model=Replay(tmp_path / "calls.jsonl"), functions=[forge.python_interpreter]), data
    )
    assert first.score == again.score == 1
    assert [s.answer for s in first.sessions] == [s.answer for s in again.sessions]
    assert isinstance(live, AsyncModel)
    assert isinstance(live, ChatModel)


def test_equal_requests_get_their_replies_in_order(tmp_path):
    recording = Recording(ScriptedChat([Reply("one"), Reply("two")]), tmp_path / "r.jsonl")
    assert [recording.complete_sync(ask("hi")).text for _ in range(2)] == ["one", "two"]
    replay = Replay(tmp_path / "r.jsonl")
    assert [replay.complete_sync(ask("hi")).text for _ in range(2)] == ["one", "two"]


def test_a_request_that_was_not_recorded_is_refused_with_the_first_difference(tmp_path):
    Recording(ScriptedChat([Reply("one")]), tmp_path / "r.jsonl").complete_sync(ask("hi"))
    replay = Replay(tmp_path / "r.jsonl")
    with pytest.raises(ForgeError, match=r"message 1 .*'?ho'?"):
        replay.complete_sync(ask("ho"))
    with pytest.raises(ForgeError, match=r"temperature is 0\.5"):
        replay.complete_sync(ask("hi", temperature=0.5))


def test_a_recording_that_cannot_be_read_or_written_is_named(tmp_path):
    with pytest.raises(ForgeError, match=r"none\.jsonl"):
        Replay(tmp_path / "none.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"request": 1}\n')
    with pytest.raises(ForgeError, match="line 1"):
        Replay(tmp_path / "bad.jsonl")
    with pytest.raises(ForgeError, match="cannot write"):
        Recording(ScriptedChat([Reply("x")]), tmp_path).complete_sync(ask("hi"))


def test_a_script_acts_turn_by_turn_and_ends_with_a_word():
    actions = [forge.Action("think"), forge.Action(calls=(forge.Call("submit", {"answer": 1}),))]
    assert forge.Agent(model=ScriptedModel(actions)).run("?").answer == 1
    chat = ScriptedChat([Reply("one")])
    chat.complete_sync(ask("hi"))
    with pytest.raises(ForgeError, match="request 2"):
        chat.complete_sync(ask("hi"))
    with pytest.raises(ForgeError, match="at least one"):
        ScriptedModel([])
