"""Completions in all the shapes that servers send."""

import pytest

from forge.models.chat import ChatRequest, Reply, ToolCall
from forge.models.completion import estimated_usage, read_completion
from forge.session import Usage


def completion(finish_reason="stop", usage=None, **message):
    return {"choices": [{"message": {"role": "assistant", **message}, "finish_reason": finish_reason}], "usage": usage}


def called(**function):
    return completion(tool_calls=[{"id": "1", "type": "function", "function": function}])


def test_a_text_comes_with_its_tokens():
    reply = read_completion(completion(content="hi", usage={"prompt_tokens": 3, "completion_tokens": 2}))
    assert reply == Reply("hi", usage=Usage(1, 3, 2))


SHAPES = {
    "parts, one of them reasoning": (
        completion(content=[{"type": "thinking", "thinking": []}, {"type": "text", "text": "a"}, {"text": "b"}]),
        Reply("ab"),
    ),
    "reasoning beside nothing": (completion(content=None, reasoning_content="hm"), Reply("")),
    "a refusal": (completion(content=None, refusal="I will not."), Reply("I will not.")),
    "a refusal as LiteLLM passes it on": (
        completion(content=None, provider_specific_fields={"refusal": "I will not."}),
        Reply("I will not."),
    ),
    "text and parallel calls": (
        completion(
            "tool_calls",
            content="plan",
            tool_calls=[{"id": n, "function": {"name": n, "arguments": "{}"}} for n in ("a", "b")],
        ),
        Reply("plan", (ToolCall("a", "a", "{}"), ToolCall("b", "b", "{}")), "tool_calls"),
    ),
    "the older form of a call": (
        completion("function_call", function_call={"name": "f", "arguments": "{}"}),
        Reply("", (ToolCall("", "f", "{}"),), "function_call"),
    ),
    "arguments that are an object": (
        called(name="f", arguments={"x": 1}),
        Reply("", (ToolCall("1", "f", '{"x": 1}'),)),
    ),
    "a call of nothing": (called(name=None, arguments=None), Reply("", (ToolCall("1", "", ""),))),
    "a custom tool": (
        completion(tool_calls=[{"id": "1", "type": "custom", "custom": {"name": "f", "input": "x"}}]),
        Reply("", (ToolCall("1", "f", "x"),)),
    ),
    "no reason to end": (completion(None, content="hi"), Reply("hi")),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_reply_is_read_from(shape):
    body, reply = SHAPES[shape]
    read = read_completion(body)
    assert (read.text, read.tool_calls, read.finish_reason) == (reply.text, reply.tool_calls, reply.finish_reason)


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": None}, {"choices": [{}]}, {"error": "busy"}])
def test_a_completion_without_a_message_is_none(body):
    with pytest.raises(ValueError, match="without a message"):
        read_completion(body)


def test_estimated_tokens_grow_with_what_was_sent_and_received():
    def estimate(text, words):
        return estimated_usage(ChatRequest(messages=({"role": "user", "content": text},)), Reply(words))

    small, large = estimate("a", ""), estimate("a" * 400, "b" * 40)
    assert large.input_tokens == small.input_tokens + 100
    assert (small.output_tokens, large.output_tokens, large.calls) == (0, 10, 1)
