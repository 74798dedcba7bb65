"""`python -m benchmarks.transfer_matrix`: functions learned on one domain, tested on another.

Domains are the types of MATH (20 problems to learn from and 80 to be tested on, as in arXiv 2402.11359, drawn by seed)
and shops of StoreQA, each of which asks for one kind of computation. A cell is the score, on the column's test tasks,
of what was learned on the row's: mean and standard deviation over seeds. Without a language model (`--model router`)
little of MATH is within reach, and the table shows how little.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import forge
from benchmarks import math_competition, storeqa
from benchmarks.math_competition import TYPES
from benchmarks.storeqa.wording import Split
from functions import ForgeError, Library

FORMULAS = ("sum", "rest", "share", "weight", "saving", "gap")
SHOPS: Mapping[Split, int] = {"train": 40, "test": 80}  # streams of ten computations
SIZES: Mapping[Split, int] = {"train": 40, "test": 80}  # tasks of a shop
NOTHING = "nothing"

Domains = dict[str, tuple[forge.Dataset, forge.Dataset]]


def main() -> None:
    """Train on each domain and print both matrices."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="router", help="router, or a LiteLLM id")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: at least 1")
    for name, domains in (("MATH types", math_types), ("StoreQA shops", shops)):
        start = math_competition.agent if domains is math_types else storeqa.agent
        runs = [matrix(replace(start(options.model), memory=None, expert=None), domains(seed), seed)
                for seed in range(options.seeds)]  # fmt: skip
        print(f"\n{name}, {options.model}: learned on the row, tested on the column\n\n{table(runs)}", flush=True)


def math_types(seed: int) -> Domains:
    """The types of MATH, drawn as in the paper."""
    return {type: math_competition.paper_split(type, seed=seed) for type in TYPES}


def shops(seed: int) -> Domains:
    """Shops by what their customers have computed. Tasks remember nothing, so that each is a stream of its own."""
    found = {}
    for formula in FORMULAS:
        parts = []
        for split, count in SIZES.items():
            tasks = storeqa.streams(SHOPS[split], seed=f"transfer-{seed}", split=split, length=10,
                                    shares={"computation": 1.0})  # fmt: skip
            own = [replace(task, stream="") for task in tasks if task.metadata["formula"] == formula]
            parts.append(forge.Dataset(own[:count], metric=tasks.metric, name=formula))
        found[formula] = (parts[0], parts[1])
    return found


def matrix(agent: forge.Agent, domains: Domains, seed: int) -> dict[tuple[str, str], float]:
    """The test score by domain learned on and domain tested on; also of the agent that has learned nothing."""
    libraries = {NOTHING: Library()}
    for name, (train, _) in domains.items():
        libraries[name] = trained(agent, train, seed).library
        print(f"seed {seed}, {name}: {len(libraries[name])} functions", file=sys.stderr)
    return {
        (learned, name): forge.evaluate(replace(agent, library=library), test, seed=seed).score
        for learned, library in libraries.items()
        for name, (_, test) in domains.items()
    }


def trained(agent: forge.Agent, tasks: forge.Dataset, seed: int, **settings: Any) -> forge.Agent:
    """The agent that `forge.train` ends with, without the gate to which so few tasks can show nothing.

    Args:
        settings: of `forge.train`.

    Raises:
        KeyboardInterrupt: the training was, which by itself returns the best so far.
    """
    result = forge.train(agent, tasks, release=None, seed=seed, run=forge.Run(), **settings)
    if result.stopped == "interrupted":
        raise KeyboardInterrupt
    return result.agent


def table(runs: Sequence[dict[tuple[str, str], float]]) -> str:
    """Mean and standard deviation over seeds, as Markdown."""
    learned = list(dict.fromkeys(row for row, _ in runs[0]))
    tested = list(dict.fromkeys(column for _, column in runs[0]))
    lines = [["learned on", *tested], ["---", *["---:"] * len(tested)]]
    lines += [[row, *(spread([run[row, column] for run in runs]) for column in tested)] for row in learned]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation."""
    return f"{statistics.fmean(values):.3f} ± {statistics.stdev(values) if len(values) > 1 else 0.0:.3f}"


if __name__ == "__main__":
    try:
        main()
    except ForgeError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
