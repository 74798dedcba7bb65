"""`python -m benchmarks.reproduce agile --bench runs/bench-storeqa`, or `agent_optimizer`: a paper's table beside ours.

The rows are the paper's; a row that we have not run is empty. What differs, and why, stands above the table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import forge
import optim
from benchmarks import gaia, math_competition, productqa, tabmwp
from benchmarks.bench.outcome import load
from benchmarks.bench.rows import Row, rows
from benchmarks.published import Published
from benchmarks.transfer_matrix import spread, trained
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
PAIRS = {  # before and after training, of the two agents: the keys of the data sets' own figures
    "GAIA": [gaia.PUBLISHED[f"GPT-4{agent}"] for agent in (" with code interpreter", " with code interpreter, trained",
                                                           ", ReAct", ", ReAct, trained")],
    "TabMWP": [tabmwp.PUBLISHED[f"GPT-3.5{agent}"] for agent in (" with code", " with code, trained", ", ReAct",
                                                                 ", ReAct, trained")],
}  # fmt: skip
# GPT-4 with code on three types of MATH, trained without a part each (arXiv 2402.11359)
UNTRAINED, WHOLE = "not trained", "trained"
NO_ROLLBACK, NO_PROGRESS = "trained without roll-back and early-stop", "trained without progressive update"
ABLATED_TYPES = ("number_theory", "intermediate_algebra", "counting_and_probability")
ABLATIONS: Mapping[str, tuple[float, ...]] = {
    UNTRAINED: (0.563, 0.300, 0.725),
    NO_ROLLBACK: (0.638, 0.363, 0.725),
    NO_PROGRESS: (0.600, 0.288, 0.700),
    WHOLE: (0.675, 0.388, 0.763),
}
TOOL_CREATION: Mapping[str, tuple[float, float]] = {  # the same paper's comparison: MATH, TabMWP
    "CREATOR": (0.750, 0.300),
    "CRAFT": (0.738, 0.385),
    "GPT-4 with code, trained": (0.6625, 0.560),
    "ReAct, trained": (0.775, 0.700),
}
DIFFERS = {
    "agile": """The paper trains Vicuna-7B and 13B on ProductQA, 88,229 questions about real products, on GPUs, and
gives no intervals. Ours is a {model} from random ones, on a made-up shop, on a processor; trainings by seed: {seeds}.
So levels cannot be compared; what can is the order: what each part is worth, and what asking does when its price rises.
We take each part away in training and in test. The proxy reward at advice is the paper's heuristic with its factor
of .1.""",
    "agent_optimizer": """The paper's agent and optimizer are GPT-4-1106 (on TabMWP the agent is GPT-3.5-1106); one run
a cell, no intervals. Ours here runs on {model}. The offline router with program search has no language model: it can
only answer what a small program over the numbers, the table or the quoted words of the question answers, and little of
this is. That is the floor on which a language model stands; `--model` puts one in its place. Sizes are the paper's: of
MATH 20 problems a type to learn from and 80 to be tested on, of TabMWP 30 and 100, of GAIA 10 and 100, drawn by seed,
since which ones they took is not published. Like theirs, what search found is tested without a gate.""",
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
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: at least 1")
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
    """The paper's tables, each with ours of that model beside it."""

    @cache
    def ours(name: str, part: str) -> str:
        found = spread([_score(name, part, model, seed) for seed in range(seeds)])
        print(f"{_words(name)}, {part}: {found}", file=sys.stderr)
        return found

    paper = {type: [*figures.values()] for type, figures in math_competition.PUBLISHED_BY_TYPE.items()}
    names = [*paper, *(("GAIA",) if _has_gaia() else ()), "TabMWP"]
    lines = [
        [_words(name), *(f"{figures.score:.3f}" for figures in found),
         *((ours(name, UNTRAINED), ours(name, WHOLE)) if name in names else ("–", "–"))]
        for name, found in (paper | PAIRS).items()
    ]  # fmt: skip
    head = ("", *next(iter(math_competition.PUBLISHED_BY_TYPE.values())), f"{model}", f"{model}, trained")
    return "\n\n".join([
        "# AgentOptimizer (arXiv 2402.11359) beside ours", DIFFERS["agent_optimizer"].format(model=model),
        f"Ours: mean and standard deviation of {seeds} seeds.",
        _table(head, lines), *_without_gaia(names),
        "## Without a part of the training", _ablations(ours, model), *_without_progress(model),
        "## Beside the creation of tools", _tool_creation(ours, model),
        "CREATOR and CRAFT are agents of their own and run on GPT-4; they are not run here. Which problems of MATH the "
        "comparison is over, the paper does not say; ours there stays empty.",
    ])  # fmt: skip


def _score(name: str, part: str, model: Any, seed: int) -> float:
    """Ours on the test of a type of MATH, GAIA or TabMWP after a training without that part."""
    agent, train, test = _setting(name, model, seed)
    if part != UNTRAINED:
        agent = trained(agent, train, seed, **_settings(part, model))
    return forge.evaluate(agent, test, seed=seed).score


def _setting(name: str, model: Any, seed: int) -> tuple[forge.Agent, forge.Dataset, forge.Dataset]:
    """The agent that training starts from, and as many tasks as the paper has."""
    if name == "TabMWP":
        train, test = tabmwp.load("dev1k").sample(30, seed=seed), tabmwp.load("test1k").sample(100, seed=seed)
        return tabmwp.agent(model), train, test
    if name == "GAIA":
        train, rest = gaia.load("validation").split(10, seed=seed)
        return gaia.agent(model), train, rest.sample(100, seed=seed)
    train, test = math_competition.paper_split(name, seed=seed)
    return math_competition.agent(model), train, test


def _settings(part: str, model: Any) -> dict[str, Any]:
    """Of `forge.train`, without that part."""
    if part == NO_ROLLBACK:
        return {"acceptance": optim.Always(), "schedule": optim.Schedule(patience=None),
                "budget": forge.Budget(rollouts=5_000)}  # fmt: skip
    if part == NO_PROGRESS:
        return {"optimizer": optim.AgentOptimizer(model, progressive=False)}
    return {}


def _ablations(ours: Callable[[str, str], str], model: Any) -> str:
    can = [part for part in ABLATIONS if part != NO_PROGRESS or model != "router"]
    head = ("", *(f"{_words(type)}, {whose}" for whose in ("paper", model) for type in ABLATED_TYPES))
    lines = [
        [part, *(f"{score:.3f}" for score in scores),
         *((ours(type, part) if part in can else "–") for type in ABLATED_TYPES)]
        for part, scores in ABLATIONS.items()
    ]  # fmt: skip
    return _table(head, lines)


def _tool_creation(ours: Callable[[str, str], str], model: Any) -> str:
    lines = [[name, f"{math:g}", f"{tables:g}"] for name, (math, tables) in TOOL_CREATION.items()]
    return _table(("", "MATH", "TabMWP"), [*lines, [f"{model}, trained: ours", "–", ours("TabMWP", WHOLE)]])


def _without_gaia(names: Sequence[str]) -> list[str]:
    return [] if "GAIA" in names else [
        "GAIA is gated and must not be passed on: its row is empty where its files are not (docs/data.md)."
    ]  # fmt: skip


def _without_progress(model: Any) -> list[str]:
    return [] if model != "router" else [
        "A progressive update is one edit for each call of a language model; a search proposes all its edits at once, "
        "so that there is nothing to take away."
    ]  # fmt: skip


def _has_gaia() -> bool:
    try:
        return len(gaia.load("validation")) > 0
    except ForgeError:
        return False


def _words(name: str) -> str:
    return name.replace("_", " ")


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] + ["---:"] * (len(head) - 1), *lines])


if __name__ == "__main__":
    try:
        main()
    except ForgeError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
