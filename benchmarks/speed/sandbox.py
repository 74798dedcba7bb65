"""`python -m benchmarks.speed.sandbox`: calls a second of each mode, beside a fresh Python for every call.

`--soak` makes 10,000 calls, one in twenty of them hostile, and shows that nothing is left behind.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from functions import Function, Sandbox, SandboxError

WORK = '''import math
import re

def work(text: str, n: int) -> dict[str, float]:
    """Fifty square roots, a regular expression, a small dict."""
    total = sum(math.sqrt(k) for k in range(50))
    return {"numbers": float(len(re.findall(r"\\\\d+", text))), "total": total, "n": float(n)}
'''
TEXT = "12 pens and 3 pads for $18"
HOSTILE = (
    "def tool() -> int:\n    while True:\n        pass\n",
    "def tool() -> int:\n    return len(bytearray(1 << 40))\n",
    "import os\ndef tool() -> int:\n    os._exit(0)\n",
    "import os\ndef tool() -> int:\n    return os.fork()\n",
    "def tool() -> str:\n    return 'x' * (1 << 22)\n",
    "import sys\ndef tool() -> int:\n    sys.setrecursionlimit(1 << 30)\n    f = lambda g: g(g)\n    return f(f)\n",
    "def tool() -> str:\n    return open('/etc/passwd').read()\n",
    "import ctypes\ndef tool() -> int:\n    return ctypes.string_at(0)[0]\n",
)


def main() -> None:
    """Print the table, or the soak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each mode is measured")
    parser.add_argument("--soak", action="store_true", help="10,000 calls, 5%% hostile: what is left behind?")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity") and not options.soak:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print("pinned to one core, caller and sandbox together")
    soak() if options.soak else speed(options.seconds)


def speed(seconds: float) -> None:
    """One caller, one call after another; batches through `map`."""
    function = Function.from_source(WORK)
    print(f"{'':<28} {'calls/s':>9} {'median ms':>10} {'p99 ms':>8}")
    for mode in ("worker", "per_call"):
        with Sandbox(mode=mode) as box:
            _row(mode, seconds, 1, lambda k, box=box: box.call(function, {"text": TEXT, "n": k}))  # type: ignore[misc]
            if mode == "worker":
                memory = _worker_memory_mb()
    with Sandbox(mode="per_batch") as box:
        _row("per_batch of 32", seconds, 32, lambda k: _batch(box, function, 32))
    program = f"{WORK}\nimport json\nprint(json.dumps(work({TEXT!r}, 1)))"
    fresh = [sys.executable, "-I", "-c", program]
    _row("a fresh python -I per call", seconds, 1, lambda k: subprocess.run(fresh, check=True, capture_output=True))
    print(f"\nmemory of a warm worker: {memory:.1f} MB resident; the audit repeats 1% of worker and batch calls alone")


def _batch(box: Sandbox, function: Function, size: int) -> None:
    outcomes = list(box.map(function, [{"text": TEXT, "n": k} for k in range(size)]))
    assert [outcome["n"] for outcome in outcomes if isinstance(outcome, dict)] == list(range(size))


def _row(name: str, seconds: float, calls: int, run: Callable[[int], object]) -> None:
    run(0)
    times: list[float] = []
    began = time.perf_counter()
    for k in count():
        start = time.perf_counter()
        run(k)
        times.append((time.perf_counter() - start) / calls)
        if time.perf_counter() - began > seconds:
            break
    rate = len(times) * calls / (time.perf_counter() - began)
    p99 = sorted(times)[int(0.99 * (len(times) - 1))]
    print(f"{name:<28} {rate:>9,.0f} {1e3 * statistics.median(times):>10.3f} {1e3 * p99:>8.3f}", flush=True)


def _descendants(process: int) -> Iterator[int]:
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield int(child)
            yield from _descendants(int(child))


def _resident_mb(process: int) -> float:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


def _worker_memory_mb() -> float:
    """The youngest process below this one: zygotes come first."""
    return _resident_mb(max(_descendants(os.getpid())))


def soak(calls: int = 10_000) -> None:
    """Calls in worker mode, every twentieth hostile, then what is left."""
    good = Function.from_source(WORK)
    bad = [Function.from_source(source, "tool") for source in HOSTILE]
    outcomes: Counter[str] = Counter()
    with Sandbox(timeout=0.1, memory_mb=128, imports=None, mode="worker") as box:
        for k in range(200):
            box.call(good, {"text": TEXT, "n": k})
        before = _state()
        began = time.perf_counter()
        for k in range(calls):
            try:
                if k % 20 == 19:
                    box.call(bad[k // 20 % len(bad)], {})
                    outcomes["hostile, value"] += 1
                else:
                    assert box.call(good, {"text": TEXT, "n": k})["n"] == k
                    outcomes["good"] += 1
            except SandboxError as error:
                outcomes[f"hostile, {error.kind}"] += 1
        seconds = time.perf_counter() - began
        after = _state()
    print(f"{calls:,} calls in {seconds:.1f} s: {json.dumps(dict(outcomes))}")
    print(f"{'':<14} {'processes':>10} {'descriptors':>12} {'memory MB':>10}")
    for name, state in (("before", before), ("after", after), ("closed", _state())):
        print(f"{name:<14} {state[0]:>10} {state[1]:>12} {state[2]:>10.1f}")


def _state() -> tuple[int, int, float]:
    return len(list(_descendants(os.getpid()))), len(os.listdir("/proc/self/fd")), _resident_mb(os.getpid())


if __name__ == "__main__":
    main()
