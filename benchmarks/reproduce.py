"""`python -m benchmarks.reproduce agile --bench runs/bench-storeqa`, or `agent_optimizer`: a paper's table beside ours.

The rows are the paper's; a row that we have not run is empty. What differs, and why, stands above the table.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import forge
from benchmarks import math_competition, productqa
from benchmarks.bench.outcome import load
from benchmarks.bench.rows import Row, rows
from benchmarks.published import Published
from functions.errors import ForgeError

PPO = "agile-vic13b-ppo"
# ProductQA with advice at .3, without a part each (arXiv 2405.14751); agile-vic13b-sft is the one without RL.
ABLATED: Mapping[str, Published] = {
    "rl": productqa.PUBLISHED["agile-vic13b-sft"],
    "reflection": Published(0.771, accuracy=0.852, advice_rate=0.270),
    "memory": Published(0.754, accuracy=0.876, advice_rate=0.407),
    "advice": Published(0.747, accuracy=0.747, advice_rate=0.0),
    "tools": Published(0.717, accuracy=0.864, advice_rate=0.492),
}
EARLY = Published(0.742, accuracy=0.812, advice_rate=0.233)  # advice in the first sessions alone
SWEEP = {  # the same policy's training at other costs: accuracy and advice rate; the total score follows
    cost: Published(accuracy - cost * rate, accuracy=accuracy, advice_rate=rate)
    for cost, rate, accuracy in (
        (0.1, 0.423, 0.918), (0.2, 0.291, 0.871), (0.3, 0.233, 0.854), (0.4, 0.168, 0.825), (0.5, 0.098, 0.805),
    )
}  # fmt: skip
DIFFERS = {
    "agile": """The paper trains Vicuna-7B and 13B on ProductQA, 88,229 questions about real products, on GPUs, and
gives no intervals. Ours is a {model} from random ones, on a made-up shop, on a processor; trainings by seed: {seeds}.
So levels cannot be compared; what can is the order: what each part is worth, and what asking does when its price rises.
We take each part away in training and in test. The proxy reward at advice is the paper's heuristic with its factor
of .1.""",
    "agent_optimizer": """The paper's agent and optimizer are GPT-4-1106; one run a cell, no intervals. Ours here is the
offline router with program search, which has no language model: it can only answer what a small program over the
numbers of the question answers, which little of MATH is. It is the floor that a language model stands on, on the same
sizes (20 problems a type to learn from, 80 to be tested on); `--model` puts a language model in its place.""",
}


def main() -> None:
    """Print a page as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paper", choices=["agile", "agent_optimizer"])
    parser.add_argument("--bench", type=Path, help="agile: the folder of a finished forge bench storeqa")
    parser.add_argument("--regime", default="forge+ppo", help="agile: which regime's rows")
    parser.add_argument("--model", default="router", help="agent_optimizer: router, or a LiteLLM id")
    parser.add_argument("--seeds", type=int, default=3, help="agent_optimizer: trainings a type")
    options = parser.parse_args()
    if options.paper == "agile":
        if options.bench is None:
            raise ForgeError("reproduce agile needs --bench, the folder of a finished forge bench storeqa")
        print(agile(rows(load(options.bench / "cells")), options.regime))
    else:
        print(agent_optimizer(options.model, options.seeds))


def agile(found: Sequence[Row], regime: str) -> str:
    """The tables of AGILE beside those of a bench.

    Args:
        regime: whose rows stand beside the paper's trained agent.
    """
    own = {(row.cell.regime, row.cell.without, row.cell.advice_cost, row.cell.advice_first): row for row in found}
    whole = own.get((regime, "", 0.3, None))
    if whole is None:
        raise ForgeError(f"the bench has no cells of {regime} with advice at .3: run forge bench storeqa --regimes "
                         f"{regime} --advice-cost .3")  # fmt: skip
    first = next((row.cell.advice_first for row in found if row.cell.advice_first is not None), None)
    lines = [_line(PPO, productqa.PUBLISHED[PPO], whole)]
    lines += [
        _line(f"without {part}", figures, own.get((regime, part, 0.3, None))) for part, figures in ABLATED.items()
    ]
    lines.append(
        _line("advice in the first sessions only", EARLY, own.get((regime, "", 0.3, first)) if first else None)
    )
    early = f" The first sessions are the first {first} of each stream."
    sweep = [_line(f"c = {cost:g}", figures, own.get((regime, "", cost, None))) for cost, figures in SWEEP.items()]
    head = ("", "advice, paper", "accuracy", "total score", "advice, ours", "accuracy", "total score", "95% interval")
    return "\n\n".join([
        "# AGILE (arXiv 2405.14751) beside StoreQA",
        DIFFERS["agile"].format(model=whole.model, seeds=len(whole.seeds)),
        f"Ours: {regime}. Advice costs .3.{'' if first is None else early}",
        _table(head, lines), "What advice costs:", _table(head, sweep),
    ])  # fmt: skip


def _line(name: str, paper: Published, ours: Row | None) -> list[str]:
    measured = ["–"] * 4
    if ours is not None:
        measured = [f"{ours.advice_rate:.3f}", f"{ours.accuracy:.3f}", f"{ours.total.mean:.3f}",
                    f"{ours.total.low:.3f} to {ours.total.high:.3f}"]  # fmt: skip
    return [name, f"{paper.advice_rate:.3f}", f"{paper.accuracy:.3f}", f"{paper.score:.3f}", *measured]


def agent_optimizer(model: Any, seeds: int) -> str:
    """MATH by type: the paper's agents before and after training, beside ours with that model."""
    lines = []
    for type, paper in math_competition.PUBLISHED_BY_TYPE.items():
        before, after = [], []
        for seed in range(seeds):
            train, test = math_competition.paper_split(type, seed=seed)
            agent = math_competition.agent(model)
            trained = forge.train(agent, train, release=None, seed=seed, run=forge.Run()).agent
            before.append(forge.evaluate(agent, test, seed=seed).score)
            after.append(forge.evaluate(trained, test, seed=seed).score)
        lines.append([type.replace("_", " "), *(f"{figures.score:.3f}" for figures in paper.values()),
                      _spread(before), _spread(after)])  # fmt: skip
    head = ("type", *next(iter(math_competition.PUBLISHED_BY_TYPE.values())), f"{model}", f"{model}, trained")
    return "\n\n".join([
        "# AgentOptimizer (arXiv 2402.11359) beside ours, MATH by type", DIFFERS["agent_optimizer"],
        f"Ours: mean and standard deviation of {seeds} seeds.", _table(head, lines),
    ])  # fmt: skip


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):.3f} ± {statistics.stdev(values) if len(values) > 1 else 0.0:.3f}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] + ["---:"] * (len(head) - 1), *lines])


if __name__ == "__main__":
    main()
