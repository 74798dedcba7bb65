"""`make quickstart`: an agent without a language model goes from failing to solving by forging its own functions."""

from __future__ import annotations

import secrets
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import forge
import optim
from benchmarks.catalog import Benchmark, load
from benchmarks.plots import Point, learning_curve

if TYPE_CHECKING:
    from rich.console import Console

SIZES = (20, 60, 120, 240)
SAMPLE = "What an agent sees, for example:"


def quickstart(folder: Path, seed: int | None = None) -> None:
    """Draw problems, measure, train live, measure again, and write `result.json` and `learning_curve.png`.

    Args:
        folder: is created; a run that lies there is replaced.
        seed: of problems and training; None draws a new one.
    """
    from rich.console import Console

    from optim.console import ConsoleReport

    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    seed = secrets.randbelow(100_000) if seed is None else seed
    benchmark = load("word-problems", seed=seed)
    run = forge.Run(folder, fresh=True, report_to=[ConsoleReport(sys.stdout)])
    agent = benchmark.agent("router")
    console.print(
        f"[bold]Forge quickstart[/]: {len(benchmark.train)} word and table problems to learn from, "
        f"{len(benchmark.test)} in other words and with other numbers to be tested on (drawn with seed {seed}).\n"
        "The agent has no language model, no functions, no key and no network: it can only route a question to a "
        "function.\nThe optimizer searches small programs that explain the answers, and forges functions from them.\n"
    )
    console.print(f"[dim]{SAMPLE}[/]\n  {benchmark.test[0].question}\n")
    before = forge.evaluate(agent, benchmark.test, seed=seed)
    console.print(f"before training: {_percent(before)} of the test problems solved\n")

    result = forge.train(agent, benchmark.train, run=run, seed=seed)
    after = forge.evaluate(result.agent, benchmark.test, seed=seed)
    paired = forge.compare(before, after)
    console.print(f"\nafter training:  {_percent(after)} of the test problems solved "
                  f"(change {paired.difference:+.1%}, 95% interval {paired.interval[0]:+.1%} to "
                  f"{paired.interval[1]:+.1%})\n")  # fmt: skip
    _show_functions(console, result)
    points = [Point(0, before.score, *before.interval), *_curve(agent, benchmark, seed)]
    points.append(Point(len(benchmark.train), after.score, *after.interval))
    picture = learning_curve(
        folder / "learning_curve.png",
        {"problems solved, with 95% interval": points},
        title="Functions forged from examples: unseen problems solved",
        x_label="training problems",
        y_label="share of test problems solved",
        level=("before training", before.score),
    )
    seconds = time.monotonic() - began
    run.write_json(
        "result.json",
        {
            "baseline": before.score,
            "baseline_interval": before.interval,
            "score": after.score,
            "interval": after.interval,
            "change": paired.difference,
            "change_interval": paired.interval,
            "seconds": round(seconds, 2),
            "seed": seed,
            "train_tasks": len(benchmark.train),
            "test_tasks": len(benchmark.test),
            "functions": [result.library[name].name for name in result.library.names],
            "sandbox": agent.sandbox.level,
            "curve": [{"tasks": p.x, "score": p.score, "interval": [p.low, p.high]} for p in points],
        },
    )
    library = folder / "library"
    console.print(f"\nlearning curve: {picture}\nresult:         {folder / 'result.json'}\n"
                  f"functions:      {library} (.venv/bin/forge functions list {shlex.quote(str(library))})\n"
                  f"took {seconds:.0f} s\n")  # fmt: skip
    console.print(NEXT)


NEXT = """[bold]Next[/], with a language model (any LiteLLM id; the key in the environment):
  export OPENAI_API_KEY=...
  .venv/bin/forge train --data word-problems --model openai/gpt-5-mini --size 40 --usd 1 --run runs/llm
or on your own questions and answers (JSON Lines with "question" and "answer"):
  .venv/bin/forge train --data mine.jsonl --metric numeric --model openai/gpt-5-mini --usd 1 --run runs/mine"""


def _percent(evaluation: forge.Evaluation) -> str:
    low, high = evaluation.interval
    return f"[bold]{evaluation.score:.1%}[/] [{low:.1%} to {high:.1%}]".replace(" [", r" \[", 1)


def _show_functions(console: Console, result: optim.Result) -> None:
    """Every forged function by its signature and first line, and the shortest in full."""
    library = result.library
    console.print(
        f"[bold]{len(library)} functions forged[/] in {len(result.history)} steps, {result.rollouts} rollouts:"
    )
    for name in library.names:
        schema = library[name].parameters["properties"]
        described = library[name].description.strip().splitlines()
        console.print(f"  [cyan]{name}[/]({', '.join(schema)})  [dim]{described[0] if described else ''}[/]")
    if shortest := min(library.values(), key=lambda function: len(function.source), default=None):
        console.print(f"\n[dim]{shortest.name}, whole:[/]")
        console.print(shortest.source.strip(), markup=False, style="cyan")


def _curve(agent: forge.Agent, benchmark: Benchmark, seed: int) -> list[Point]:
    """Held-out scores of trainings on fewer problems."""
    points = []
    for size in SIZES[:-1]:
        fewer = benchmark.train.sample(size, seed=seed)
        smaller = forge.train(agent, fewer, release=None, run=forge.Run(None), seed=seed)  # too few to certify
        evaluation = forge.evaluate(smaller.agent, benchmark.test, seed=seed)
        points.append(Point(size, evaluation.score, *evaluation.interval))
    return points
