"""The portable backend: the same interface and errors, over a subset of Python."""

import asyncio

import pytest

from functions import (
    ForgeError,
    Function,
    FunctionMemory,
    FunctionRaised,
    FunctionTimeout,
    LoadError,
    PolicyError,
    ResultNotJSON,
    ResultTooLarge,
    Sandbox,
    SandboxError,
)


@pytest.fixture(scope="module")
def open_box():
    with Sandbox(timeout=0.5, memory_mb=64, backend="monty") as box:
        yield box


def make(source, name=None):
    return Function.from_source(source, name)


def test_values_helpers_defaults_and_star_arguments_work_as_ever(open_box):
    assert open_box.level == "monty"
    double = make("def double(x: int) -> int:\n    return 2 * x\n")
    quadruple = make("def quadruple(x: int, plus: int = 1) -> int:\n    return double(double(x)) + plus\n")
    assert open_box.call(quadruple, {"x": "3"}, helpers=(double,)) == 13
    assert open_box.call(make("def f(a, *more, b=2): return [a, list(more), b]"), {"a": 1, "more": [2, 3], "b": 4}) == [
        1,
        [2, 3],
        4,
    ]
    assert list(open_box.map(double, [{"x": n} for n in range(3)])) == [0, 2, 4]
    assert asyncio.run(open_box.acall(double, {"x": 2})) == 4


FAILURES = {
    "raises": ("def f(): return 1 / 0", FunctionRaised),
    "spins": ("def f():\n    while True: pass", FunctionTimeout),
    "takes memory": ("def f(): return 'x' * 10**9", FunctionMemory),
    "gives a set": ("def f(): return {1}", ResultNotJSON),
    "gives too much": ("def f(): return 'x' * (1 << 21)", ResultTooLarge),
    "imports what it may not": ("import os\ndef f(): return os.getcwd()", PolicyError),
    "opens a file": ("def f(): return open('/etc/passwd').read()", FunctionRaised),
}


@pytest.mark.parametrize("case", FAILURES)
def test_each_failure_has_its_own_type(case, open_box):
    source, expected = FAILURES[case]
    with pytest.raises(SandboxError) as caught:
        open_box.call(make(source), {})
    assert type(caught.value) is expected


def test_native_code_that_does_not_notice_its_limit_is_ended():
    with Sandbox(timeout=0.5, memory_mb=1024, backend="monty") as box, pytest.raises(FunctionTimeout):
        box.call(make("def f(): return len(str(9**9**8))"), {})


def test_no_call_sees_what_another_left(open_box):
    counter = make("seen = []\ndef f(x: int) -> int:\n    seen.append(x)\n    return len(seen)\n")
    assert [open_box.call(counter, {"x": n}) for n in range(3)] == [1, 1, 1]


def test_what_it_cannot_pass_is_refused_by_name(open_box):
    source = (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\ndef f(p: P) -> int:\n    return p.x\n"
    )
    with pytest.raises(LoadError, match="annotation of p"):
        open_box.call(make(source, "f"), {"p": {"x": 1}})


def test_an_unknown_backend_is_refused():
    with pytest.raises(ForgeError, match="backend"):
        Sandbox(backend="docker")
