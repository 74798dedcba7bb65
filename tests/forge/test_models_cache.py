"""Replies are paid for once, and what is on the disk is whole or not there."""

import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from openai_server import Answer, OpenAIServer

import forge
from forge.models import LiteLLM
from forge.models.cache import ReplyCache
from forge.models.chat import ChatRequest, Reply, ToolCall
from functions import ForgeError

HELLO = ChatRequest(messages=({"role": "user", "content": "hello"},))


def model(server, **settings):
    return LiteLLM("openai/gpt-4o-mini", api_base=server.url, **{"retries": 2, "backoff_seconds": 0.01, **settings})


def test_a_cached_reply_is_free_and_survives_the_process(tmp_path):
    with OpenAIServer([Answer("hi")]) as server:
        first = model(server, cache=tmp_path).complete_sync(HELLO)
        again = model(server, cache=tmp_path).complete_sync(HELLO)
        other = model(server, cache=tmp_path, temperature=0.5).complete_sync(HELLO)
        another = model(server, cache=tmp_path).complete_sync(replace(HELLO, seed=1))
    assert (first.text, again.text, len(server.requests)) == ("hi", "hi", 3)
    assert (another.usage.cached_calls, server.requests[2]["seed"]) == (0, 1)
    assert (again.usage.cached_calls, again.usage.usd, again.usage.tokens) == (1, 0, 0)
    assert other.usage.cached_calls == 0


def test_a_damaged_cache_entry_is_asked_for_again(tmp_path):
    with OpenAIServer([Answer("hi")]) as server:
        model(server, cache=tmp_path).complete_sync(HELLO)
        next(tmp_path.rglob("*.json")).write_text('{"text"')
        with pytest.warns(UserWarning, match="damaged"):
            assert model(server, cache=tmp_path).complete_sync(HELLO).text == "hi"
    assert len(server.requests) == 2


def test_errors_are_not_cached(tmp_path):
    with OpenAIServer([Answer(status=500), Answer("hi")]) as server:
        assert model(server, cache=tmp_path, retries=0).complete_sync(HELLO).error
        assert model(server, cache=tmp_path, retries=0).complete_sync(HELLO).text == "hi"


WRITER = """
import sys
from forge.models.cache import ReplyCache
from forge.models.chat import Reply
cache = ReplyCache(sys.argv[1])
for round in range(20):
    for number in range(10):
        cache.put(f"{number:064}", Reply(text="word " * 20_000))
"""


def test_two_processes_write_and_a_third_reads_whole_replies(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen(command, cwd=Path(forge.__file__).parents[1]) for _ in range(2)]
    cache, found = ReplyCache(tmp_path), 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a damaged reply is a warning
        while any(writer.poll() is None for writer in writers):
            replies = [cache.get(f"{number:064}") for number in range(10)]
            assert {reply.text for reply in replies if reply} <= {"word " * 20_000}
            found += sum(reply is not None for reply in replies)
    assert [writer.returncode for writer in writers] == [0, 0]
    assert found > 0
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 10


def test_calls_and_reasons_survive_the_disk(tmp_path):
    reply = Reply("plan", (ToolCall("1", "f", '{"x": "é"}'),), "tool_calls")
    ReplyCache(tmp_path).put("0" * 64, reply)
    again = ReplyCache(tmp_path).get("0" * 64)
    assert replace(again, usage=reply.usage) == reply


def test_a_cache_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ForgeError, match="cache folder"):
        ReplyCache(tmp_path / "file")
