"""What crosses the boundary is faithful to its limits, and what a function forges is held to the same rules."""

import json

import pytest

from functions import ArgumentError, Function, ProtocolError, ResultNotJSON, Sandbox

MODES = ["per_call", "per_batch", "worker"]
ECHO = Function.from_source("def echo(x):\n    return x\n")
NEST = Function.from_source("def nest(depth):\n    v = 0\n    for _ in range(depth):\n        v = [v]\n    return v\n")


@pytest.fixture(scope="module", params=MODES)
def open_box(request):
    with Sandbox(timeout=5, imports=None, mode=request.param) as box:
        yield box


def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("depth", range(60, 65))
def test_values_up_to_the_deepest_allowed_go_both_ways(open_box, depth):
    assert open_box.call(ECHO, {"x": nested(depth)}) == nested(depth)
    assert open_box.call(NEST, {"depth": depth}) == nested(depth)


def test_values_that_are_nested_deeper_are_refused_both_ways(open_box):
    with pytest.raises(ArgumentError, match="deeper than 64"):
        open_box.call(ECHO, {"x": nested(65)})
    with pytest.raises(ResultNotJSON, match="deeper than 64"):
        open_box.call(NEST, {"depth": 65})


def test_a_batch_may_hold_more_values_than_one_input(open_box):
    length = Function.from_source("def length(x):\n    return len(x)\n")
    inputs = [{"x": list(range(20_000 + place))} for place in range(30)]
    assert list(open_box.map(length, inputs)) == [20_000 + place for place in range(30)]


FORGED = [
    '{"value": 1e999}',
    '{"value": NaN}',
    '{"value": ' + "9" * 4000 + "}",
    '{"value": "\\ud800"}',
    '{"value": ' + "[" * 70 + "]" * 70 + "}",
    '{"value": [' + "0," * 250_000 + "0]}",
    '{"value": 1, "error": "raised"}',
    '{"value": 1, "more": 2}',
    '{"error": 5}',
    '{"error": "raised", "message": [1]}',
    '{"error": "no such kind"}',
    "{}",
    "",
    "\xff",
]


@pytest.mark.parametrize("text", FORGED, ids=[text[:40] for text in FORGED])
def test_what_a_function_writes_itself_counts_only_if_it_is_strict_json(open_box, text):
    forger = Function.from_source("""
import os, struct
def forger(text):
    body = text.encode("latin-1")
    head = struct.pack("<I", len(body))
    body = head + body
    while body:
        body = body[os.write(3, body):]
    os._exit(0)
""")
    with pytest.raises(ProtocolError):
        open_box.call(forger, {"text": text})


def test_an_exception_is_told_in_bounded_printable_words(open_box):
    sources = (
        "def f():\n    raise ValueError('\\x1b[31m\\u202e\\r' * 10**6)\n",
        "raise ValueError('\\x1b\\x00' * 10**6)\ndef f():\n    return 1\n",
        "def f():\n    raise type('\\x1b' * 10**6, (Exception,), {})('x' * 10**6)\n",
    )
    for source in sources:
        with pytest.raises(Exception, match=r"x1b") as caught:
            open_box.call(Function.from_source(source, "f"), {})
        words = str(caught.value)
        assert len(words) <= 2300
        assert all(character == "\n" or character.isprintable() for character in words)


def test_an_argument_too_large_for_the_process_is_a_lack_of_memory():
    with Sandbox(memory_mb=8, timeout=5) as box:
        outcomes = list(box.map(ECHO, [{"x": 1}, {"x": "x" * (40 << 20)}, {"x": 2}]))
    assert [outcome if isinstance(outcome, int) else outcome.kind for outcome in outcomes] == [1, "memory", 2]


def test_numbers_keep_their_sign_and_their_type(open_box):
    value = [-0.0, 0.0, 1.0, 1, True, 2**53 + 1, 1e308, 5e-324, -(2**4095)]
    assert json.dumps(open_box.call(ECHO, {"x": value})) == json.dumps(value)
