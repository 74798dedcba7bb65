"""`python -m benchmarks.floors`: what is reached on each data set without a language model, in one table.

Functions are forged for the offline router by program search; where a test of its own kind makes sense, a policy is
trained from random weights by imitation. That is the floor on which a language model stands, not a result to be proud
of. Each row is a `forge bench` of the sizes below, in a folder of its own; finished cells are reused.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import gsm8k, hotpotqa, math_competition, medmcqa, tabmwp
from benchmarks.bench.bench import Wanted, run_bench
from benchmarks.bench.jobs import BENCH, CELLS
from benchmarks.bench.outcome import load
from benchmarks.bench.rows import Row, rows
from benchmarks.bench.setup import Setup
from benchmarks.bench.table import estimated
from benchmarks.published import Published
from functions.errors import ForgeError


@dataclass(frozen=True, slots=True)
class Floor:
    """Args:
    regimes: what is trained.
    train: training tasks; None is all.
    test: test tasks; None is all that are at hand.
    published: what language models reach.
    """

    regimes: tuple[str, ...] = ("base", "forge")
    train: int | None = None
    test: int | None = None
    published: Mapping[str, Published] = field(default_factory=dict)


_MATH = {f"{type}, {name}": figures for type, found in math_competition.PUBLISHED_BY_TYPE.items()
         for name, figures in found.items()}  # fmt: skip
ROUTED, TRAINED = ("base", "forge"), ("base", "forge", "sft")
FLOORS: Mapping[str, Floor] = {  # a search looks at all training tasks at once: they are what takes time
    "math": Floor(ROUTED, train=600, published=_MATH),
    "gsm8k": Floor(ROUTED, train=600, published=gsm8k.PUBLISHED),
    "tabmwp": Floor(ROUTED, published=tabmwp.PUBLISHED),
    "medmcqa": Floor(TRAINED, train=200, test=400, published=medmcqa.PUBLISHED),
    "hotpotqa": Floor(TRAINED, published=hotpotqa.PUBLISHED),
    "gaia": Floor(ROUTED),
}
FREE = tuple(name for name in FLOORS if name != "gaia")  # to be downloaded by anybody


def main() -> None:
    """Run what is not done yet, and print the table of all that is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FLOORS)}; all but gaia by default")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, help="processes side by side; by default one a core")
    parser.add_argument("--run", type=Path, default=Path("runs/floors"), help="a folder, one in it for each data set")
    options = parser.parse_args()
    for name in options.names:
        if name not in FLOORS:
            parser.error(f"no floor is measured on {name!r}: one of {', '.join(FLOORS)}")
    if options.seeds < 1 or (options.workers is not None and options.workers < 1):
        parser.error("--seeds and --workers: at least 1")
    sys.exit(measured(options.names or FREE, options.run, seeds=options.seeds, workers=options.workers))


def measured(names: tuple[str, ...] | list[str], folder: Path, *, seeds: int, workers: int | None) -> int:
    """Measure what is missing, print the table; returns the exit status: 130 after Ctrl-C, 1 where something failed."""
    status = 0
    for name in names:
        floor = FLOORS[name]
        try:
            setup = Setup(name, train=floor.train, test_tasks=floor.test)
            ended = run_bench(setup, Wanted(floor.regimes, seeds), folder / name, workers=workers)
        except ForgeError as error:
            print(f"failed:  {name}: {error}")
            status = 1
            continue
        for job, why in ended.failed.items():
            print(f"failed:  {job}: {why}")
            status = 1
        if ended.interrupted:
            print("interrupted: what is done is kept; give the same command to go on")
            status = 130
            break
    done = {name: rows(load(folder / name / CELLS)) for name in FLOORS if (folder / name / BENCH).exists()}
    if finished := {name: found for name, found in done.items() if found}:
        print(table(finished))
    return status


def table(done: Mapping[str, tuple[Row, ...]]) -> str:
    """A line for each regime of each data set, as Markdown."""
    head = ("data set", "trained on", "regime", "runs on", "accuracy", "total score [95% interval]", "tests", "seeds",
            "CPU seconds", "published for LLMs")  # fmt: skip
    lines = [head, ("---", "---:", "---", "---", "---:", "---:", "---:", "---:", "---:", "---:")]
    for name, found in done.items():
        size = "all" if (limit := FLOORS[name].train) is None else f"{limit:,}"
        span = sorted(figures.score for figures in FLOORS[name].published.values())
        lines += [
            (name, size, row.label, row.model, f"{row.accuracy:.3f}", estimated(row.total), f"{row.tasks:,}",
             str(len(row.seeds)), f"{row.cpu_seconds:,.0f}", f"{span[0]:.3f} to {span[-1]:.3f}" if span else "–")
            for row in found
        ]  # fmt: skip
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    try:
        main()
    except ForgeError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted")
