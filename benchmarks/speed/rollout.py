"""`python -m benchmarks.speed.rollout`: generation with executor turns in between, and what the executor costs.

Three questions. Turns: how much faster is going on with kept keys and values than computing each prompt again? One
turn: is our engine as fast as `generate` of transformers? Agent: which share of a rollout is the executor's, with
sandboxed functions, memory and an expert? On a GPU (`--device cuda`) also `generate_batch`, its continuous batching.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

import forge
import rl
from benchmarks.speed.ppo_task import tokenizer
from forge.executor import Executor
from rl.engine import Limits, Request

VOCABULARY = 1_000


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sizes = {"layers": 2, "hidden": 128, "heads": 4, "rows": 64, "prompt": 64, "observation": 24, "new": 16, "turns": 6,
             "repeats": 5, "threads": 2}  # fmt: skip
    for name, value in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    policy = made(chosen)
    print(f"{policy.parameters:,} parameters, {chosen.rows} rows, {chosen.dtype} on {chosen.device}\n")
    turns(policy, chosen)
    one_turn(policy, chosen)
    agent(chosen)


def made(chosen: argparse.Namespace) -> rl.Policy:
    """A random policy of the shape of Llama."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=chosen.hidden, intermediate_size=-(-8 * chosen.hidden // 3 // 8) * 8,
        num_hidden_layers=chosen.layers, num_attention_heads=chosen.heads, num_key_value_heads=chosen.heads,
        max_position_embeddings=4096, pad_token_id=0, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False,
    )  # fmt: skip
    model: Any = LlamaForCausalLM(config)
    return rl.Policy(model.to(chosen.device, getattr(torch, chosen.dtype)), tokenizer(VOCABULARY - 10))


def turns(policy: rl.Policy, chosen: argparse.Namespace) -> None:
    """Several turns with an executor's tokens in between."""
    limits = Limits(frozenset(), chosen.new, 4096, rl.Sampling())
    tokens: int = chosen.rows * chosen.new * chosen.turns

    def play(*, keep: bool) -> int:
        policy.engine.forget()
        generator = torch.Generator().manual_seed(0)
        prompts = _ids(chosen.rows, chosen.prompt, generator)
        known = [0] * chosen.rows
        for turn in range(chosen.turns):
            requests = [Request(p, seed=turn, kept=k if keep else 0) for p, k in zip(prompts, known, strict=True)]
            drawn = policy.engine.generate(requests, limits)
            seen = _ids(chosen.rows, chosen.observation, generator)
            known = [len(p) + len(d.ids) for p, d in zip(prompts, drawn, strict=True)]
            prompts = [[*p, *d.ids, *s] for p, d, s in zip(prompts, drawn, seen, strict=True)]
        return tokens

    def by_generate() -> int:
        generator = torch.Generator().manual_seed(0)
        ids = torch.tensor(_ids(chosen.rows, chosen.prompt, generator), device=chosen.device)
        for _ in range(chosen.turns):
            drawn = _generate(policy, ids, chosen.new)
            seen = torch.tensor(_ids(chosen.rows, chosen.observation, generator), device=chosen.device)
            ids = torch.cat([drawn, seen], 1)
        return tokens

    title = f"{chosen.turns} turns of {chosen.new} tokens, {chosen.observation} of the executor after each"
    table(title, {
        "keys and values kept": lambda: play(keep=True),
        "each prompt computed again": lambda: play(keep=False),
        "generate of transformers, each prompt again": by_generate,
    }, chosen)  # fmt: skip


def one_turn(policy: rl.Policy, chosen: argparse.Namespace) -> None:
    """A single generation."""
    count: int = chosen.new * 2
    tokens: int = chosen.rows * count
    generator = torch.Generator().manual_seed(0)
    prompts = _ids(chosen.rows, chosen.prompt, generator)
    ids = torch.tensor(prompts, device=chosen.device)
    limits = Limits(frozenset(), count, 4096, rl.Sampling())

    def ours() -> int:
        policy.engine.forget()
        policy.engine.generate([Request(prompt, seed=n) for n, prompt in enumerate(prompts)], limits)
        return tokens

    def theirs() -> int:
        _generate(policy, ids, count)
        return tokens

    def continuous() -> int:
        from transformers import GenerationConfig

        untyped: Any = GenerationConfig
        settings = untyped(max_new_tokens=count, do_sample=True, eos_token_id=-1, pad_token_id=0)
        policy.network.causal.generate_batch(inputs=prompts, generation_config=settings, progress_bar=False)
        return tokens

    ways = {"our engine": ours, "generate of transformers": theirs}
    if chosen.device.startswith("cuda"):
        ways["generate_batch of transformers"] = continuous
    table(f"one turn of {count} tokens", ways, chosen)


def agent(chosen: argparse.Namespace) -> None:
    """The executor's share of the time, in sessions of an untrained policy that calls everything that there is."""
    words = ["red green blue one two three what is the sum of and ?"]
    policy = rl.Policy.tiny(words, words=True, layers=chosen.layers, width=chosen.hidden, heads=chosen.heads,
                            constrained=True, max_new_tokens=chosen.new)  # fmt: skip

    def add(first: str, second: str = "") -> str:
        """Joins."""
        return first + second

    player = forge.Agent(model=policy, functions=[add], memory=forge.Memory(), expert=forge.GoldExpert(0.3),
                         max_turns=chosen.turns)  # fmt: skip
    rows = [{"question": "what is the sum of one and two ?", "answer": "three", "stream": f"s{n // 4}"}
            for n in range(4 * chosen.rows)]  # fmt: skip
    tasks = forge.Dataset(rows)
    spent = [0.0]
    execute = Executor.execute

    def timed(self: Executor, *arguments: Any) -> Any:
        began = time.perf_counter()
        result = execute(self, *arguments)
        spent[0] += time.perf_counter() - began
        return result

    forge.evaluate(player, tasks, concurrency=chosen.rows)
    Executor.execute = timed  # type: ignore[method-assign,assignment]  # a stopwatch
    try:
        began = time.perf_counter()
        seen = forge.evaluate(player, tasks, concurrency=chosen.rows, seed=1)
        wall = time.perf_counter() - began
    finally:
        Executor.execute = execute  # type: ignore[method-assign]
    calls = [call for session in seen.sessions for call, _ in session.calls]
    functions = sum(call.name == "add" for call in calls)
    tokens = sum(len(step.action.token_ids) for session in seen.sessions for step in session.steps)
    print(f"### an agent: {len(seen.sessions)} sessions, {len(calls)} calls, {functions} of them in the sandbox\n")
    print(f"{tokens / wall:,.0f} tokens/s; the executor took {spent[0] / wall:.1%} of {wall:.2f} s")


def table(title: str, ways: dict[str, Callable[[], int]], chosen: argparse.Namespace) -> None:
    """Tokens a second of each way, in turn, as a median; and as a multiple of the first."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(chosen.repeats + 1):
        for name, way in ways.items():
            began = time.perf_counter()
            tokens = way()
            if chosen.device.startswith("cuda"):
                torch.cuda.synchronize()
            if repeat:  # the first is to get warm
                times[name].append(tokens / (time.perf_counter() - began))
    first = statistics.median(next(iter(times.values())))
    print(f"### {title}\n\n| | tokens/s | the first is faster by |\n|---|---|---|")
    for name, speeds in times.items():
        median = statistics.median(speeds)
        print(f"| {name} | {median:,.0f} ({min(speeds):,.0f} to {max(speeds):,.0f}) | {first / median:.2f} |")
    print()


@torch.no_grad()
def _generate(policy: rl.Policy, ids: torch.Tensor, count: int) -> torch.Tensor:
    drawn: torch.Tensor = policy.network.causal.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, min_new_tokens=count, do_sample=True,
        pad_token_id=0,
    )  # fmt: skip
    return drawn


def _ids(rows: int, count: int, generator: torch.Generator) -> list[list[int]]:
    ids: list[list[int]] = torch.randint(4, VOCABULARY - 20, (rows, count), generator=generator).tolist()
    return ids


if __name__ == "__main__":
    main()
