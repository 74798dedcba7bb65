"""`python -m benchmarks.productqa_figures`: ProductQA's tasks in tokens, in full and in short, and how much of a stream
comes back in it.

Two minutes of one core. Each wording is read with the tokenizer that the small policy of `benchmarks.productqa_course`
trains on demonstrations in it.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import median

from benchmarks import productqa
from benchmarks.productqa_course import KNOWN, SMALL, ProductCourse
from benchmarks.productqa_demonstrator import note, pieces
from benchmarks.productqa_short import ALIKE, IS, embed, shortened
from forge.memory import Memory
from forge.session import Session
from forge.task import Task
from functions import ForgeError, Library

ASKS = 0.5  # the agent whose memory is looked at asks about every second question
REMEMBERED = {"reasoning_qa": "reasoning", "fact_qa": "facts"}


def main() -> None:
    """Print both tables."""
    parts = {part: productqa.load(part).tasks for part in ("train", "test")}
    short = {part: shortened(tasks, productqa.right, part).tasks for part, tasks in parts.items()}
    columns = [tokens(ProductCourse(demonstrated=KNOWN, size=SMALL, short=cut), (parts, short)[cut].values())
               for cut in (False, True)]  # fmt: skip
    print(f"Tokens of a task (median; BPE of {SMALL.vocabulary:,}):\n")
    print("| groups | in full | in short |\n|---|---|---|")
    for part, full, cut in zip(parts, *columns, strict=True):
        print(f"| {part} | {full:g} | {cut:g} |")

    length = ProductCourse().length
    groups = in_groups(short["train"])
    by_id = {task.id: task for task in short["train"]}
    ours = [[by_id[task.id] for task in piece] for piece in pieces(parts["train"], length)]
    streams = {"straight from the files": straight(groups, length), "ours": ours, "whole groups": groups}
    print(f"\nMemory of an agent that asks about every second question (train groups, streams of {length}): questions "
          f"for which it holds something alike (cosine from {ALIKE}), and where it does, how often the answer of the "
          "most alike is right:\n")  # fmt: skip
    heads = [f"{name}, {what}" for name in REMEMBERED.values() for what in ("alike", "right")]
    print(f"| streams | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    for name, cut_so in streams.items():
        counts = recalled(cut_so)
        shares = [share for kind in REMEMBERED for share in _shares(counts, kind)]
        print(f"| {name} | {' | '.join(shares)} |")


def tokens(course: ProductCourse, parts: Iterable[Sequence[Task]]) -> list[float]:
    """How long a task of each part is in the middle, for the course's policy."""
    tokenizer = course.policy(Library(), course.demonstrations(course.agent("router", None), 0), 0).tokenizer
    read = (tokenizer([task.question for task in tasks], add_special_tokens=False) for tasks in parts)
    return [median(map(len, part["input_ids"])) for part in read]


def in_groups(tasks: Iterable[Task]) -> list[list[Task]]:
    """Each group whole."""
    return [list(group) for _, group in groupby(tasks, key=lambda task: task.stream)]


def straight(groups: Iterable[Sequence[Task]], length: int) -> list[list[Task]]:
    """As many streams as `pieces` makes, each of questions that follow one another in the file."""
    found = []
    for group in groups:
        count = -(-len(group) // length)
        found += [list(group[n * len(group) // count : (n + 1) * len(group) // count]) for n in range(count)]
    return found


def recalled(streams: Iterable[Sequence[Task]], asks: float = ASKS) -> Counter[tuple[str, str]]:
    """Facts and reasoning questions in short, by kind: "all", those for which memory holds something "alike" when they
    come, and those of which the most alike has the "right" answer.

    Args:
        asks: the share of the questions whose answers are learned and remembered, as demonstrations do.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for stream in streams:
        memory = Memory(encoder=embed, threshold=ALIKE)
        for task in stream:
            if (kind := task.metadata["kind"]) not in REMEMBERED:
                continue
            found = memory.search(task.memory_query, 1)
            answers = [entry.text.split(IS, 1)[0] for entry in found]
            counts[kind, "all"] += 1
            counts[kind, "alike"] += len(found)
            counts[kind, "right"] += sum(
                productqa.right(task, Session(task.id, task.question, answer=answer)) for answer in answers
            )
            if random.Random(f"asked:{task.id}").random() < asks:
                memory.add(note(task, general=kind == "reasoning_qa"))
    return counts


def _shares(counts: Counter[tuple[str, str]], kind: str) -> tuple[str, str]:
    every, alike = counts[kind, "all"], counts[kind, "alike"]
    return f"{alike / every:.0%} of {every:,}", f"{counts[kind, 'right'] / alike:.0%}" if alike else "–"


if __name__ == "__main__":
    try:
        main()
    except ForgeError as error:
        sys.exit(f"error: {error}")
