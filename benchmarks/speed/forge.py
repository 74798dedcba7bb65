"""`python -m benchmarks.speed.forge`: what an evaluation adds to its model calls, beside DSPy's `Evaluate`.

Forge calls models through LiteLLM, which goes through openai's client: its own share is what it adds to LiteLLM's row.

One server for all, in a process of its own; each contestant is a process of its own too, and warmed up. DSPy lives in
an environment of its own: python -m venv .venv-dspy && .venv-dspy/bin/pip install dspy==3.4.1
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.server import Server, server

# what DSPy's chat adapter asks for; to the others it is a text like any other
MESSAGE = {"role": "assistant", "content": "[[ ## answer ## ]]\n7\n\n[[ ## completed ## ]]"}
QUESTION = "How many apples are left if {} are eaten of a dozen and nobody buys any more of them today?"

_COMMON = r"""
import json, resource, sys, time
url, tasks, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
questions = [sys.argv[4].format(n) for n in range(tasks)]

def cpu():
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime

def measure(play):
    play(questions[:concurrency])  # imports and connections
    wall, spent = time.perf_counter(), cpu()
    play(questions)
    print(json.dumps([time.perf_counter() - wall, cpu() - spent]))
"""
_FORGE = r"""
import forge
model = forge.models.LiteLLM("openai/gpt-4o-mini", api_base=url, api_key="none")
agent = forge.Agent(model=model, instructions="Answer the question.")

def play(some):
    data = forge.Dataset([{"question": q, "answer": 7} for q in some], metric=lambda task, session: 1.0)
    assert forge.evaluate(agent, data, concurrency=concurrency).score == 1.0

measure(play)
"""
_DSPY = r"""
import dspy
dspy.configure(lm=dspy.LM("openai/gpt-4o-mini", api_base=url, api_key="none", cache=False))
program = dspy.Predict("question -> answer")

def play(some):
    data = [dspy.Example(question=q, answer="7").with_inputs("question") for q in some]
    evaluate = dspy.Evaluate(devset=data, metric=lambda example, prediction, trace=None: 1.0, num_threads=concurrency,
                             display_progress=False, display_table=False)
    evaluate(program)

measure(play)
"""
_OPENAI = r"""
import asyncio, openai

def play(some):
    async def run():
        waiting = iter(some)
        async def worker():
            for q in waiting:
                await client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": q}])
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            await asyncio.gather(*(worker() for _ in range(concurrency)))
    asyncio.run(run())

measure(play)
"""
_LITELLM = r"""
import asyncio, litellm
litellm.suppress_debug_info = True

def play(some):
    async def run():
        waiting = iter(some)
        async def worker():
            for q in waiting:
                await litellm.acompletion("openai/gpt-4o-mini", api_base=url, api_key="none", num_retries=0,
                                          messages=[{"role": "user", "content": q}])
        await asyncio.gather(*(worker() for _ in range(concurrency)))
    asyncio.run(run())

measure(play)
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One load: so many tasks, in flight at once, on a server that takes so many seconds."""

    name: str
    tasks: int
    concurrency: int
    delay: float

    @property
    def ideal(self) -> float:
        return math.ceil(self.tasks / self.concurrency) * self.delay


SETTINGS = (
    Setting("200 tasks, 32 at a time, answers in 1 s", 200, 32, 1.0),
    Setting("100 tasks, one at a time, answers in 20 ms", 100, 1, 0.02),
    Setting("640 tasks, 32 at a time, answers at once", 640, 32, 0.0),
)


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds on the clock and of the processor, and how many calls the server answered for it."""

    wall: float
    cpu: float
    calls: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dspy", type=Path, default=Path(".venv-dspy/bin/python"), help="an interpreter with DSPy")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    contestants = {
        "openai's client": (sys.executable, _OPENAI),
        "litellm": (sys.executable, _LITELLM),
        "forge.evaluate": (sys.executable, _FORGE),
    }
    if options.dspy.exists():
        contestants["dspy.Evaluate"] = (str(options.dspy), _DSPY)
    else:
        print(f"DSPy is not measured: {options.dspy} is not there (see the first lines of this file)")
    for setting in SETTINGS:
        with server(MESSAGE, delay=setting.delay) as one:
            rounds = [
                {name: _run(one, setting, *each) for name, each in contestants.items()} for _ in range(options.repeats)
            ]
        print(f"\n{setting.name}" + (f" (ideal {setting.ideal:.2f} s)" if setting.ideal else ""))
        print(f"{'':<18} {'calls':>6} {'wall s':>16} {'of ideal':>9} {'added ms/call':>18} {'cpu ms/call':>16}")
        for name in contestants:
            print(_row(name, setting, [each[name] for each in rounds]))


def _run(one: Server, setting: Setting, interpreter: str, program: str) -> Run:
    before = one.answered()
    command = [interpreter, "-c", _COMMON + program, one.url, str(setting.tasks), str(setting.concurrency), QUESTION]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"a contestant failed:\n{done.stderr[-2000:]}")
    wall, cpu = json.loads(done.stdout.strip().splitlines()[-1])
    return Run(wall, cpu, one.answered() - before - min(setting.concurrency, setting.tasks))


def _row(name: str, setting: Setting, runs: Sequence[Run]) -> str:
    """Added: the time of a task beyond the server's, as each of those in flight sees it."""
    added = [1000 * (run.wall - setting.ideal) * setting.concurrency / run.calls for run in runs]
    walls = [run.wall for run in runs]
    ratio = f"{statistics.fmean(walls) / setting.ideal:9.3f}" if setting.ideal else " " * 9
    if not setting.ideal:
        added = [1000 * run.wall / run.calls for run in runs]
    cpus = [1000 * run.cpu / run.calls for run in runs]
    return f"{name:<18} {runs[0].calls:>6} {_mean(walls, 10)} {ratio} {_mean(added, 12)} {_mean(cpus, 10)}"


def _mean(values: Sequence[float], width: int) -> str:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):>{width}.2f} ±{spread:4.2f}"


if __name__ == "__main__":
    main()
