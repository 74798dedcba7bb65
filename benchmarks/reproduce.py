"""`python -m benchmarks.reproduce agile --bench runs/bench-storeqa`, or `agent_optimizer`: a paper's tables, and ours.

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
from benchmarks import gaia, math_competition, tabmwp
from benchmarks.agile_tables import IMITATED, agile
from benchmarks.bench.jobs import CELLS
from benchmarks.bench.outcome import load
from benchmarks.transfer_matrix import spread, trained
from functions.errors import ForgeError

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
DIFFERS = """The paper's agent and optimizer are GPT-4-1106 (on TabMWP the agent is GPT-3.5-1106); one run
a cell, no intervals. Ours here runs on {model}. The offline router with program search has no language model: it can
only answer what a small program over the numbers, the table or the quoted words of the question answers, and little of
this is. That is the floor on which a language model stands; `--model` puts one in its place. Sizes are the paper's: of
MATH 20 problems a type to learn from and 80 to be tested on, of TabMWP 30 and 100, of GAIA 10 and 100, drawn by seed,
since which ones they took is not published. Like theirs, what search found is tested without a gate."""


def main() -> None:
    """Print a page as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paper", choices=["agile", "agent_optimizer"])
    parser.add_argument("--bench", type=Path, action="append", default=[],
                        help="agile: the folder of a finished forge bench; once for each data set, or number of its "
                             "questions")  # fmt: skip
    parser.add_argument("--regime", choices=[*IMITATED],
                        help="agile: whose rows; by default forge+ppo, or ppo where there is none")  # fmt: skip
    parser.add_argument("--model", default="router", help="agent_optimizer: router, or a LiteLLM id")
    parser.add_argument("--seeds", type=int, default=3, help="agent_optimizer: trainings a type")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: at least 1")
    if options.paper == "agile":
        if not options.bench:
            raise ForgeError("reproduce agile needs --bench, the folder of a finished forge bench storeqa")
        for folder in options.bench:
            if not any((folder / CELLS).glob("*.json")):
                raise ForgeError(f"--bench {folder}: no finished cells of a forge bench there")
        print(agile([load(folder / CELLS) for folder in options.bench], options.regime))
    else:
        print(agent_optimizer(options.model, options.seeds))


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
        "# AgentOptimizer (arXiv 2402.11359) beside ours", DIFFERS.format(model=model),
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
    lines = [[name, f"{math:.3f}", f"{tables:.3f}"] for name, (math, tables) in TOOL_CREATION.items()]
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
