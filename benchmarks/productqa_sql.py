"""`python -m benchmarks.productqa_sql`: ProductQA's gold SQL through the executor, on a real SQLite table."""

from __future__ import annotations

import sys
import time
from collections import Counter

from benchmarks.productqa import Group, groups, search_is_right, search_products
from forge.agent import shared_sandbox
from forge.executor import Executor
from forge.session import Call, Observation
from forge.task import Task
from forge.tools import Tool, World
from functions import ForgeError, Library

FIELDS = {"sql": "the query that the question was made from", "answer": "the same without LIMIT, for the gold answer"}


def main() -> None:
    """Print how many gold queries agree with the gold answers, and why the rest do not."""
    began = time.perf_counter()
    counts: dict[str, Counter[str]] = {field: Counter() for field in FIELDS}
    reasons: Counter[str] = Counter()
    for part in ("train", "test"):
        for group in groups(part):
            _count(group, counts, reasons)
    print(f"{'gold query':<12} {'rows':>7} {'agree':>7} {'wrong':>7} {'error':>7}")
    for field, count in counts.items():
        print(f"{field:<12} {count.total():>7,} {count['agree']:>7,} {count['wrong']:>7,} {count['error']:>7,}"
              f"   {FIELDS[field]}")  # fmt: skip
    print("\nwhy the rest do not agree:" if reasons else "\nall agree")
    for reason, number in reasons.most_common():
        print(f"{number:>7,}  {reason}")
    print(f"\n{time.perf_counter() - began:.1f} s")


def _count(group: Group, counts: dict[str, Counter[str]], reasons: Counter[str]) -> None:
    tool = Tool(search_products)
    executor = Executor(Library(), [tool], shared_sandbox())
    where = {"part": group.part, "group": group.name, "folder": None}
    for row in group.questions("search_qa"):
        world = World(Task(row["id"], row["question"], metadata=where))
        for field, count in counts.items():
            seen = executor.execute(Call(tool.name, {"sql": row["extra_data"][field]}), world)
            outcome = _outcome(seen, row["short_answer"])
            count[outcome] += 1
            if outcome != "agree":
                reasons[f"{field}, {group.name}: {seen.text if seen.error else 'finds other products'}"] += 1


def _outcome(seen: Observation, gold: object) -> str:
    if seen.error:
        return "error"
    products = [product["asin"] for product in gold] if isinstance(gold, list) else []
    return "agree" if search_is_right(seen.value, products) else "wrong"


if __name__ == "__main__":
    try:
        main()
    except ForgeError as error:
        sys.exit(f"error: {error}")
