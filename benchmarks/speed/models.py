"""`python -m benchmarks.speed.models`: what a model call costs us, beside LiteLLM and a bare openai client.

The server is a process of its own that answers at once, or after `--delay` seconds, with one recorded tool call.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from benchmarks.speed.server import server
from forge.dialect import ToolCalls
from forge.models import LiteLLM
from forge.models.protocol import Context, ToolSpec

MODEL = "gpt-4o-mini"
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
MESSAGE = {"role": "assistant", "content": None, "tool_calls": [CALL]}
SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
CONTEXT = Context(
    task_id="t",
    question="What is it? " * 50,
    instructions="Be brief. " * 50,
    tools=tuple(ToolSpec(f"f{number}", "Does it.", SCHEMA) for number in range(5)),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=640)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that the server takes for an answer")
    options = parser.parse_args()
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with server(MESSAGE, delay=options.delay) as one:
        print(f"{options.calls} calls, {options.concurrency} at a time, server takes {options.delay} s")
        print(f"{'':<28} {'ms/call':>8} {'cpu ms/call':>12} {'median latency ms':>18}")
        for name, measure in MEASURES.items():
            print(f"{name:<28} {asyncio.run(measure(one.url, options))}")


async def _bare(url: str, options: argparse.Namespace) -> str:
    import openai

    request = ToolCalls().request(CONTEXT)
    body: dict[str, Any] = {"messages": list(request.messages), "tools": list(request.tools), "seed": 0}
    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        return await _measured(lambda: client.chat.completions.create(model=MODEL, **body), options)


async def _litellm(url: str, options: argparse.Namespace) -> str:
    model = LiteLLM(f"openai/{MODEL}", api_base=url)
    await model.act_async(CONTEXT)  # imports and configures LiteLLM
    import litellm

    arguments = model._arguments(ToolCalls().request(CONTEXT))
    return await _measured(lambda: litellm.acompletion(**arguments), options)


async def _forge(url: str, options: argparse.Namespace) -> str:
    model = LiteLLM(f"openai/{MODEL}", api_base=url)
    return await _measured(lambda: model.act_async(CONTEXT), options)


MEASURES: dict[str, Callable[[str, argparse.Namespace], Coroutine[Any, Any, str]]] = {
    "openai's client": _bare,
    "litellm.acompletion": _litellm,
    "forge.models.LiteLLM": _forge,
}


async def _measured(call: Callable[[], Awaitable[Any]], options: argparse.Namespace) -> str:
    latencies: list[float] = []

    async def worker(calls: int) -> None:
        for _ in range(calls):
            began = time.perf_counter()
            await call()
            latencies.append(time.perf_counter() - began)

    async def load(calls: int) -> None:
        await asyncio.gather(*(worker(calls // options.concurrency) for _ in range(options.concurrency)))

    await load(options.concurrency)  # connections
    latencies.clear()
    wall, cpu = time.perf_counter(), time.process_time()
    await load(options.calls)
    each = 1000 / len(latencies)
    wall, cpu = (time.perf_counter() - wall) * each, (time.process_time() - cpu) * each
    return f"{wall:8.2f} {cpu:12.2f} {statistics.median(latencies) * 1000:18.1f}"


if __name__ == "__main__":
    main()
