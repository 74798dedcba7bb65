"""`python -m benchmarks.speed.memory`: what a memory of 100,000 entries takes to search, add to, fork and open.

Entries are the questions and answers of ProductQA where $FORGE_DATA has it, else made-up sentences whose words are as
unevenly frequent as natural ones (Zipf). Queries are held-out texts of the same kind.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import forge
from benchmarks import productqa
from functions.errors import ForgeError

QUERIES, REPEATS = 200, 200


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    options = parser.parse_args()
    for name, texts in corpora(options.entries + QUERIES):
        entries, queries = texts[:-QUERIES], texts[-QUERIES:]
        print(f"{name}: {len(entries):,} entries of {statistics.mean(len(t.split()) for t in entries):.0f} words")
        with tempfile.TemporaryDirectory() as folder:
            for where, path in (("in process", None), ("SQLite", Path(folder) / "memory.db")):
                measure(where, path, entries, queries)


def corpora(count: int) -> list[tuple[str, list[str]]]:
    """Texts by name."""
    found = [("made up", zipf(count))]
    try:
        real = [f"{row['question']} {row['short_answer']}" for group in productqa.groups("train")
                for kind in ("fact_qa", "search_qa", "reasoning_qa") for row in group.questions(kind)]  # fmt: skip
        random.Random(0).shuffle(real)
        found.append(("ProductQA", real[:count]))
    except ForgeError as error:
        print(f"(without ProductQA: {error})")
    return found


def zipf(count: int, *, words: int = 30_000) -> list[str]:
    """Sentences of 5 to 30 words, the n-th word drawn in proportion to 1/n."""
    generator = random.Random(0)
    weights = [1 / rank for rank in range(1, words + 1)]
    drawn = iter(generator.choices([f"w{rank}" for rank in range(words)], weights, k=count * 30))
    return [" ".join(next(drawn) for _ in range(generator.randint(5, 30))) for _ in range(count)]


def measure(where: str, path: Path | None, entries: Sequence[str], queries: Sequence[str]) -> None:
    """One row of the table."""
    memory = forge.Memory(path)
    adds = timed(memory.add, entries)
    fork = memory.fork()
    fork.add("what only the fork knows")
    searches = timed(fork.search, queries)
    forks = timed(lambda _: memory.fork(), range(REPEATS))
    snapshots = timed(lambda _: fork.restore(fork.snapshot()), range(REPEATS))
    cells = [f"{where:>12}", *(f"{name} {spread(times)}" for name, times in
             (("add", adds), ("search", searches), ("fork", forks), ("snapshot and restore", snapshots)))]  # fmt: skip
    if path is not None:
        memory.close()
        began = time.perf_counter()
        len(forge.Memory(path))
        cells.append(f"open {time.perf_counter() - began:.2f} s")
    print(" | ".join(cells))


def timed(act: Callable[[Any], Any], values: Sequence[Any] | range) -> list[float]:
    """Milliseconds of each call."""
    times = []
    for value in values:
        began = time.perf_counter()
        act(value)
        times.append((time.perf_counter() - began) * 1000)
    return times


def spread(times: Sequence[float]) -> str:
    ordered = sorted(times)
    return f"p50 {ordered[len(ordered) // 2]:.3f} ms, p99 {ordered[int(len(ordered) * 0.99)]:.3f} ms"


if __name__ == "__main__":
    main()
