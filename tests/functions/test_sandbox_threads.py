"""One sandbox serves many threads, and no call ends another's process."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from functions import Function, FunctionTimeout, Sandbox

MANY = [Function.from_source(f"def f(x: int) -> int:\n    return x + {place}\n") for place in range(400)]
HANGS = Function.from_source("def f(x: int) -> int:\n    while True:\n        pass\n")


@pytest.mark.parametrize("mode", ["per_call", "worker"])
def test_calls_from_several_threads_all_succeed(mode):
    with Sandbox(timeout=10, mode=mode) as box, ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda function: box.call(function, {"x": 1}), MANY))
    assert results == [place + 1 for place in range(len(MANY))]


def test_a_call_that_is_killed_ends_no_other():
    with Sandbox(timeout=1, mode="per_call") as box, ThreadPoolExecutor(6) as pool:
        hanging = [pool.submit(box.call, HANGS, {"x": 1}) for _ in range(3)]
        results = [pool.submit(box.call, function, {"x": 1}) for function in MANY[:200]]
        assert [result.result() for result in results] == [place + 1 for place in range(200)]
        for call in hanging:
            with pytest.raises(FunctionTimeout):
                call.result()
