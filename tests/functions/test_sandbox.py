"""What the sandbox promises of every call, in every mode."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import (
    ArgumentError,
    ForgeError,
    Function,
    FunctionCrashed,
    FunctionMemory,
    FunctionRaised,
    FunctionTimeout,
    LoadError,
    PolicyError,
    ResultNotJSON,
    ResultTooLarge,
    ResultTypeError,
    Sandbox,
    SandboxError,
    SandboxUnavailable,
)

ROOT = Path(__file__).parent.parent.parent
MODES = ["per_call", "per_batch", "worker"]


def make(source, name=None):
    return Function.from_source(source, name)


@pytest.fixture(scope="module", params=MODES)
def open_box(request):
    with Sandbox(timeout=1.0, memory_mb=128, imports=None, mode=request.param) as box:
        yield box


ECHO = make("def echo(x):\n    return x\n")
texts = st.text(st.characters(exclude_categories=("Cs",)))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=40)
@given(json_values)
def test_every_json_value_comes_back_as_it_went(open_box, value):
    assert json.dumps(open_box.call(ECHO, {"x": value})) == json.dumps(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1: 2}, {1, 2}, b"x", object(), 1 << 5000])
def test_arguments_that_are_no_json_are_refused(value):
    with Sandbox() as box, pytest.raises(ArgumentError):
        box.call(ECHO, {"x": value})


def test_values_that_have_a_faithful_form_take_it(open_box):
    source = """
from collections import namedtuple
from dataclasses import dataclass
from enum import Enum
class Color(Enum):
    RED = "red"
@dataclass
class Point:
    x: int
    y: tuple
P = namedtuple("P", "a b")
def values():
    return [(1, 2), Point(1, (2, Color.RED)), P(3, 4), -0.0]
"""
    assert json.dumps(open_box.call(make(source, "values"), {})) == json.dumps(
        [[1, 2], {"x": 1, "y": [2, "red"]}, [3, 4], -0.0]
    )


def test_dataclass_arguments_arrive_as_dataclasses(open_box):
    source = """
from dataclasses import dataclass
@dataclass
class Item:
    price: float
    count: int = 1
def total(items: list[Item], *, factor: float = 1.0) -> float:
    return factor * sum(item.price * item.count for item in items)
"""
    items = [{"price": 2.5, "count": 2}, {"price": 1}]
    assert open_box.call(make(source, "total"), {"items": items, "factor": 2}) == 12


ERRORS = {
    "load": ("raise ValueError('no')\ndef f(): pass", LoadError),
    "raised": ("def f(): return {}['missing']", FunctionRaised),
    "wall": ("def f():\n    while True: pass", FunctionTimeout),
    "memory": ("def f(): return len(bytearray(1 << 40))", FunctionMemory),
    "crashed": ("import os\ndef f(): os._exit(3)", FunctionCrashed),
    "segfault": ("import ctypes\ndef f(): return ctypes.string_at(0)", FunctionCrashed),
    "too large": ("def f(): return 'x' * (1 << 21)", ResultTooLarge),
    "not json": ("def f(): return {1, 2}", ResultNotJSON),
    "wrong type": ("def f() -> int: return 'one'", ResultTypeError),
    "system exit": ("def f(): raise SystemExit(0)", FunctionRaised),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_each_failure_has_its_own_type_and_the_next_call_is_right(kind, open_box):
    source, expected = ERRORS[kind]
    with pytest.raises(SandboxError) as caught:
        open_box.call(make(source, "f"), {})
    assert type(caught.value) is expected
    assert open_box.call(ECHO, {"x": 1}) == 1


def test_an_exception_comes_with_the_functions_own_lines():
    source = "def helper(x):\n    return 1 / x\n\ndef f(x: int) -> float:\n    return helper(x)\n"
    with Sandbox() as box, pytest.raises(FunctionRaised) as caught:
        box.call(make(source, "f"), {"x": 0})
    assert caught.value.exception == "ZeroDivisionError"
    assert caught.value.traceback.split("\n") == ["line 5, in f: return helper(x)", "line 2, in helper: return 1 / x"]


def test_a_crash_says_what_the_kernel_saw():
    with Sandbox(imports=None) as box:
        with pytest.raises(FunctionCrashed) as caught:
            box.call(make("import os\ndef f(): os._exit(3)"), {})
        assert (caught.value.exit_code, caught.value.signal) == (3, None)
        with pytest.raises(FunctionCrashed) as caught:
            box.call(make("import ctypes\ndef f(): return ctypes.string_at(0)"), {})
        assert caught.value.signal == signal.SIGSEGV


STATEFUL = """
seen = []
def f(x: int, more: list = []) -> list:
    seen.append(x)
    more.append(x)
    return [len(seen), len(more)]
"""


def test_no_call_sees_what_another_left(open_box):
    assert [open_box.call(make(STATEFUL), {"x": n}) for n in range(3)] == [[1, 1]] * 3
    assert list(open_box.map(make(STATEFUL), [{"x": n} for n in range(5)])) == [[1, 1]] * 5


CHEAT = """
import math
def f(x: int) -> int:
    math.calls = getattr(math, "calls", 0) + 1
    return math.calls
"""


@pytest.mark.parametrize("mode", ["per_batch", "worker"])
def test_a_function_that_smuggles_state_is_found_out_and_runs_alone_from_then_on(mode):
    with Sandbox(mode=mode, audit=0.2) as box:
        values = list(box.map(make(CHEAT), [{"x": n} for n in range(64)]))
        assert box.stateful
        assert list(box.map(make(CHEAT), [{"x": n} for n in range(4)])) == [1] * 4
        assert mode == "worker" or values == [1] * 64


def test_an_honest_function_passes_the_audit(open_box):
    with Sandbox(mode=open_box.mode, audit=1.0) as box:
        dice = make("import random\ndef f(x: int) -> list:\n    return [x, random.random()]\n")
        assert len({tuple(value) for value in box.map(dice, [{"x": n} for n in range(20)])}) == 20
        assert box.stateful == set()


def test_chance_inside_a_function_repeats_by_seed_and_differs_by_argument():
    dice = make("import random\ndef f(x: int) -> float:\n    return random.random()\n")

    def thrown(seed, mode):
        with Sandbox(seed=seed, mode=mode) as box:
            return [box.call(dice, {"x": n}) for n in range(3)]

    assert thrown(0, "per_call") == thrown(0, "worker") != thrown(1, "worker")
    assert len(set(thrown(0, "per_call"))) == 3


def test_a_batch_keeps_its_order_and_a_failure_its_place(open_box):
    source = """
import os, time
def f(x: int) -> int:
    if x == 2: os._exit(1)
    if x == 4:
        while True: pass
    if x == 5: raise ValueError("five")
    return x * x
"""
    inputs = [{"x": n} for n in range(8)] + [{"x": "many"}]
    outcomes = list(open_box.map(make(source), inputs))
    kinds = [outcome.kind if isinstance(outcome, SandboxError) else outcome for outcome in outcomes]
    assert kinds == [0, 1, "crashed", 9, "timeout", "raised", 36, 49, "arguments"]


def test_helpers_are_called_by_name(open_box):
    double = make("def double(x: int) -> int:\n    return 2 * x\n")
    quadruple = make("def quadruple(x: int) -> int:\n    return double(double(x))\n")
    assert open_box.call(quadruple, {"x": 3}, helpers=(double,)) == 12


def test_calls_and_batches_can_be_awaited(open_box):
    async def main():
        one = await asyncio.gather(*(open_box.acall(ECHO, {"x": n}) for n in range(8)))
        return one, [value async for value in open_box.amap(ECHO, [{"x": n} for n in range(70)])]

    assert asyncio.run(main()) == (list(range(8)), list(range(70)))


def test_the_policy_says_what_may_be_imported():
    with Sandbox(imports=("math",)) as box:
        with pytest.raises(PolicyError, match=r"line 2: os\.path may not be imported .*math") as caught:
            box.call(make("import math\nimport os.path\ndef f(): return 1"), {})
        assert caught.value.line == 2
        assert box.call(make("import math\ndef f(): return math.pi"), {}) > 3
        with pytest.raises(FunctionRaised, match="may not be imported"):
            box.call(make("def f():\n    exec('import json')\n"), {})
        box.check(ECHO)


@pytest.mark.parametrize(
    "wrong", [{"timeout": 0}, {"memory_mb": 0}, {"mode": "fast"}, {"audit": 2}, {"allow_degraded": ("walls",)}]
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ForgeError, match=next(iter(wrong))):
        Sandbox(**wrong)


def test_every_layer_stands_here(open_box):
    assert open_box.level == "full"
    assert {"landlock", "seccomp"} <= {name for name, state in open_box.layers.items() if state == "on"}


def processes_below(pid):
    """All descendants; one that ends while they are listed is left out."""
    found = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *processes_below(child)]
    return found


def is_zygote(pid):
    try:
        return b"zygote.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_closing_leaves_no_process_and_no_descriptor():
    def state():
        return len(processes_below(os.getpid())), len(os.listdir("/proc/self/fd"))

    before = state()
    box = Sandbox(mode="worker", imports=None)
    for source, _ in ERRORS.values():
        with pytest.raises(SandboxError):
            Sandbox.call(box, make(source, "f"), {}) if "while" not in source else box.call(ECHO, {"x": object()})
    box.call(ECHO, {"x": 1})
    box.close()
    assert state() == before
    assert box.call(ECHO, {"x": 2}) == 2
    box.close()


def test_a_killed_zygote_is_replaced():
    with Sandbox() as box:
        box.call(ECHO, {"x": 1})
        for pid in filter(is_zygote, processes_below(os.getpid())):
            with contextlib.suppress(ProcessLookupError):  # the inner process of one dies with the outer one
                os.kill(pid, signal.SIGKILL)
        assert box.call(ECHO, {"x": 2}) == 2


def test_a_forked_host_gets_a_zygote_of_its_own():
    program = """
import os
from functions import Function, Sandbox
echo = Function.from_source("def echo(x): return x")
box = Sandbox(mode="worker")
box.call(echo, {"x": 1})
if os.fork() == 0:
    ok = box.call(echo, {"x": 2}) == 2
    box.close()
    os._exit(0 if ok else 1)
print(os.waitstatus_to_exitcode(os.wait()[1]), box.call(echo, {"x": 3}))
"""
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert shown.stdout.strip() == "0 3", shown.stderr


def test_a_killed_host_leaves_no_process():
    program = """
import time
from functions import Function, Sandbox
box = Sandbox(mode="worker", timeout=60)
box.call(Function.from_source("def echo(x): return x"), {"x": 1})
print("up", flush=True)
box.call(Function.from_source("def spin():\\n    while True: pass"), {})
"""
    host = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert host.stdout.readline() == "up\n"
    time.sleep(0.3)
    below = processes_below(host.pid)
    assert len(below) >= 3
    host.kill()
    host.communicate()
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}").exists() and _alive(pid) for pid in below):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


WITHOUT_LANDLOCK = """
import ctypes, struct, sys, warnings
# a filter of our own that answers ENOSYS to Landlock's three calls, as an old kernel would
program = b"".join(struct.pack("=HBBI", *line) for line in [
    (0x20, 0, 0, 0), (0x35, 0, 2, 444), (0x25, 1, 0, 446), (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7FFF0000)])
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, ctypes.byref(Program(5, program)), 0, 0) == 0
from functions import Function, Sandbox, SandboxUnavailable
echo = Function.from_source("def echo(x): return x")
try:
    Sandbox().call(echo, {"x": 1})
except SandboxUnavailable as error:
    print(error)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        with Sandbox(allow_degraded=("landlock",)) as box:
            print(box.call(echo, {"x": 1}), box.level)
print([str(warning.message) for warning in caught])
"""


def test_a_machine_without_landlock_is_refused_unless_the_user_says_otherwise_and_then_loudly():
    shown = subprocess.run(
        [sys.executable, "-c", WITHOUT_LANDLOCK], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    lines = shown.stdout.splitlines()
    assert "landlock" in lines[0], shown.stderr
    assert "5.13" in lines[0]
    assert "allow_degraded=('landlock',)" in lines[0]
    assert lines[1:3] == ["1 partial"] * 2
    assert lines[3].count("weaker isolation") == 1


def test_an_allowed_package_can_be_used_and_nothing_beside_it():
    numpy = make("import numpy\ndef f(x: list) -> float:\n    return float(numpy.mean(x))\n")
    spy = make("import os\ndef f() -> list:\n    import pydantic\n    return [pydantic.__version__]\n")
    with Sandbox(imports=("math", "numpy", "os"), memory_mb=1024, timeout=10, mode="worker") as box:
        assert box.call(numpy, {"x": [1, 2, 6]}) == 3
        with pytest.raises(SandboxError):
            box.call(spy, {})
    with pytest.raises(SandboxError, match="not installed"), Sandbox(imports=("nonsuch",)) as box:
        box.call(ECHO, {"x": 1})


def test_nothing_is_warned_of_on_a_whole_machine():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Sandbox() as box:
            box.call(ECHO, {"x": 1})


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_another_system_is_told_of_containers_and_of_the_portable_backend(system, monkeypatch):
    monkeypatch.setattr("sys.platform", system)
    with pytest.raises(SandboxUnavailable, match=rf"this is {system}.*container.*backend='monty'"):
        Sandbox().call(ECHO, {"x": 1})
