"""LiteLLM models against a real HTTP server: what is retried, what is refused, what it costs."""

import asyncio
import json
import logging
import multiprocessing
import os
import threading
import time
from email.utils import formatdate

import pytest
from openai_server import Answer, OpenAIServer

import forge
from forge.models import LiteLLM
from forge.models.chat import ChatModel, ChatRequest, ToolCall
from forge.models.protocol import AsyncModel
from functions import ForgeError

HELLO = ChatRequest(messages=({"role": "user", "content": "hello"},))


def model(server, name="openai/gpt-4o-mini", **settings):
    return LiteLLM(name, api_base=server.url, **{"retries": 2, "backoff_seconds": 0.01, **settings})


def test_a_model_is_both_an_agents_and_a_chat_model():
    assert isinstance(LiteLLM("openai/x"), AsyncModel)
    assert isinstance(LiteLLM("openai/x"), ChatModel)


def test_a_reply_comes_with_its_tokens_and_its_price():
    with OpenAIServer([Answer("hi")]) as server:
        reply = model(server).complete_sync(HELLO)
    assert (reply.text, reply.finish_reason) == ("hi", "stop")
    assert (reply.usage.calls, reply.usage.input_tokens, reply.usage.output_tokens) == (1, 10, 5)
    assert reply.usage.usd > 0
    assert reply.usage.seconds > 0


def test_a_model_without_a_known_price_costs_nothing_and_says_so_once(recwarn):
    with OpenAIServer([Answer("hi")]) as server:
        own = model(server, "openai/my-own-model")
        assert [own.complete_sync(HELLO).usage.usd for _ in range(3)] == [0, 0, 0]
    assert sum("no price is known for 'openai/my-own-model'" in str(told.message) for told in recwarn) == 1


def test_tokens_that_the_server_does_not_count_are_estimated_and_said_to_be():
    with OpenAIServer([Answer("four and twenty", usage=None)]) as server, pytest.warns(UserWarning, match="estimated"):
        usage = model(server).complete_sync(HELLO).usage
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (1, 10, 4)


def test_tool_calls_come_as_the_model_wrote_them():
    with OpenAIServer([Answer(calls=(("f", {"x": 1}), ("g", "{oops")))]) as server:
        reply = model(server).complete_sync(HELLO)
    assert reply.tool_calls == (ToolCall("call_0", "f", '{"x": 1}'), ToolCall("call_1", "g", "{oops"))


FAULTS = {
    "429": Answer(status=429),
    "429 with a time to wait": Answer(status=429, headers={"Retry-After": "0.2"}),
    "500": Answer(status=500),
    "503": Answer(status=503),
    "a connection that is cut": Answer("hi", cut=True),
    "a body that is no JSON": Answer(body="<html>busy</html>"),
    "a time-out": Answer("late", wait=1.5),
    "a completion without a message": Answer(body='{"id": "x", "object": "chat.completion", "choices": []}'),
    "a call that the provider could not read": Answer(
        status=400, body='{"error": {"message": "Failed to call a function.", "code": "tool_use_failed"}}'
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_passing_fault_is_tried_again(fault):
    with OpenAIServer([FAULTS[fault], Answer("hi")]) as server:
        reply = model(server, timeout_seconds=0.7).complete_sync(HELLO)
    assert (reply.text, reply.error, len(server.requests)) == ("hi", "", 2)


def test_the_time_that_a_server_asks_for_is_waited():
    with OpenAIServer([FAULTS["429 with a time to wait"], Answer("hi")]) as server:
        began = time.monotonic()
        model(server).complete_sync(HELLO)
        assert time.monotonic() - began >= 0.2


def test_the_time_may_be_a_date():
    then = formatdate(time.time() + 2, usegmt=True)
    with OpenAIServer([Answer(status=429, headers={"Retry-After": then}), Answer("hi")]) as server:
        began = time.monotonic()
        model(server).complete_sync(HELLO)
        assert time.monotonic() - began >= 0.9


def test_a_connection_that_is_cut_is_known_at_once():
    with OpenAIServer([Answer("hi", cut=True), Answer("hi")]) as server:
        model(server).complete_sync(HELLO)  # LiteLLM is imported
        began = time.monotonic()
        model(server, timeout_seconds=30).complete_sync(HELLO)
        assert time.monotonic() - began < 5


def test_after_all_retries_the_reply_says_why_there_is_none_and_the_session_ends():
    with OpenAIServer([Answer(status=500)]) as server:
        reply = model(server).complete_sync(HELLO)
        session = forge.Agent(model=model(server)).run("hello?")
    assert "no reply after 3 attempts" in reply.error
    assert len(server.requests) == 6
    assert session.stop == "model_error"
    assert "500" in session.error


@pytest.mark.parametrize(("status", "words"), [(401, "key"), (403, "key"), (404, "no model"), (400, "cannot take")])
def test_a_refusal_for_good_is_an_error_at_once(status, words):
    with OpenAIServer([Answer(status=status)]) as server, pytest.raises(ForgeError, match=words):
        model(server).complete_sync(HELLO)
    assert len(server.requests) == 1


TOO_LONG = {"message": "This model's maximum context length is 8 tokens.", "code": "context_length_exceeded"}
BROKE = {"message": "You exceeded your current quota.", "code": "insufficient_quota"}


def test_a_conversation_that_is_too_long_is_given_up_without_another_attempt():
    with OpenAIServer([Answer(status=400, body=json.dumps({"error": TOO_LONG}))]) as server:
        reply = model(server).complete_sync(HELLO)
    assert "maximum context length" in reply.error
    assert len(server.requests) == 1


def test_a_request_refused_by_a_server_that_took_others_is_that_conversations_fault():
    with OpenAIServer([Answer("hi"), Answer(status=400), Answer("hi")]) as server:
        shared = model(server)
        replies = [shared.complete_sync(HELLO) for _ in range(3)]
    assert [bool(reply.error) for reply in replies] == [False, True, False]


@pytest.mark.parametrize("answer", [Answer(status=402), Answer(status=429, body=json.dumps({"error": BROKE}))])
def test_an_account_without_credit_stops_everything(answer):
    with OpenAIServer([answer]) as server, pytest.raises(ForgeError, match="add credit"):
        model(server).complete_sync(HELLO)
    assert len(server.requests) == 1


def test_an_unknown_provider_and_a_missing_key_are_told_without_a_request(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ForgeError, match=r"opnai/x.*did you mean openai"):
        LiteLLM("opnai/x").check()
    with pytest.raises(ForgeError, match="OPENAI_API_KEY"):
        LiteLLM("openai/gpt-5-mini").check()
    LiteLLM("openai/gpt-5-mini", api_key="k").check()
    LiteLLM("openai/own", api_base="http://127.0.0.1:9/v1").check()


def test_a_server_that_is_not_there_is_a_reply_with_an_error():
    reply = LiteLLM("openai/x", api_base="http://127.0.0.1:9/v1", retries=1, backoff_seconds=0.01).complete_sync(HELLO)
    assert "2 attempts" in reply.error


def test_one_model_serves_event_loops_one_after_another_and_threads_at_once():
    with OpenAIServer([Answer("hi", wait=0.05)]) as server:
        shared = model(server)
        texts = [asyncio.run(shared.complete(HELLO)).text for _ in range(3)]
        threads = [threading.Thread(target=lambda: texts.append(shared.complete_sync(HELLO).text)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert texts == ["hi"] * 11


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_can_ask_too():
    def ask(texts):
        logging.disable()  # asyncio tells of a task of LiteLLM's that stayed behind with the parent's loop
        texts.put(model(server).complete_sync(HELLO).text)

    with OpenAIServer([Answer("hi")]) as server:
        model(server).complete_sync(HELLO)
        fork = multiprocessing.get_context("fork")
        texts = fork.SimpleQueue()
        child = fork.Process(target=ask, args=(texts,), daemon=True)
        child.start()
        child.join(20)
        assert (child.exitcode, texts.get() if child.exitcode == 0 else "") == (0, "hi")


def test_no_more_requests_are_in_flight_than_allowed():
    flying, most, lock = 0, 0, threading.Lock()

    def script(request):
        nonlocal flying, most
        with lock:
            flying += 1
            most = max(most, flying)
        time.sleep(0.05)
        with lock:
            flying -= 1
        return Answer("hi")

    async def many(shared):
        await asyncio.gather(*(shared.complete(HELLO) for _ in range(9)))

    with OpenAIServer(script) as server:
        asyncio.run(many(model(server, concurrency=3)))
    assert most == 3


def test_half_a_character_from_a_function_does_not_break_the_request():
    with OpenAIServer([Answer("hi")]) as server:
        reply = model(server).complete_sync(ChatRequest(messages=({"role": "user", "content": "a\ud83db"},)))
    assert (reply.text, server.requests[0]["messages"][0]["content"]) == ("hi", "a?b")


def test_cancelling_a_call_ends_it():
    async def impatient(slow):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(slow.complete(HELLO), 0.2)

    with OpenAIServer([Answer("late", wait=5.0)]) as server:
        began = time.monotonic()
        asyncio.run(impatient(model(server)))
        assert time.monotonic() - began < 4


def test_many_contexts_are_in_flight_at_once():
    with OpenAIServer(lambda request: Answer("4", wait=0.3)) as server:
        agent = forge.Agent(model=model(server))
        began = time.monotonic()
        data = forge.Dataset([{"question": f"{n}?", "answer": "4"} for n in range(32)])
        assert forge.evaluate(agent, data, concurrency=32).score == 1
        assert time.monotonic() - began < 5  # one after another it would be 9.6 s


def test_settings_that_cannot_be_are_refused():
    for settings in ({"retries": -1}, {"backoff_seconds": -1}, {"timeout_seconds": 0}, {"concurrency": 0}):
        with pytest.raises(ForgeError, match="retries"):
            LiteLLM("openai/x", **settings)
