"""Generated word, table and text problems: they need no data at hand.

The test split uses sentences that no training problem uses, and numbers from ranges that training never draws from;
names and things are shared. It is easier than problems written by people: each kind of problem has few sentences.
"""

from __future__ import annotations

import random
from typing import Any, Literal

from benchmarks.word_problem_kinds import DISTRACTORS, KINDS, NAMES, Draw, Kind
from forge.agent import Agent
from forge.metrics import Score, exact_match, numeric
from forge.session import Session
from forge.task import Dataset, Task
from functions.errors import ForgeError

INSTRUCTIONS = "Solve the problem. Answer with the number alone, or with the word or name that is asked for."
Split = Literal["train", "test"]
DISTRACTED = 0.25  # share of problems, of the kinds that allow it, that open with a number beside the point
_nearly_equal = numeric(1e-3)


def right(task: Task, session: Session) -> float | bool | Score:
    """Numbers to a thousandth, words exactly but for case."""
    return exact_match(task, session) if isinstance(task.answer, str) else _nearly_equal(task, session)


def generate(count: int, seed: int = 0, split: Split = "train") -> Dataset:
    """`count` different problems, drawn by seed; the kinds take turns, so that each has its share.

    Raises:
        ForgeError: the split is neither "train" nor "test", or `count` is not positive.
    """
    if split not in ("train", "test"):
        raise ForgeError(f"split={split!r}: there are 'train' and 'test'")
    if count < 1:
        raise ForgeError(f"count={count}: generate at least one problem")
    source = random.Random(f"word-problems:{split}:{seed}")
    rows: dict[str, Task] = {}
    turns: list[Kind] = []
    while len(rows) < count:
        turns = turns or source.sample(KINDS, len(KINDS))
        kind = turns.pop()
        question, answer = _problem(kind, source, split)
        rows.setdefault(question, Task(f"{split}-{len(rows)}", question, answer, metadata={"kind": kind.name}))
    return Dataset(rows.values(), metric=right, name=f"word-problems-{split}")


def agent(model: Any = "router") -> Agent:
    """The agent that training starts from, without a single function."""
    return Agent(model=model, instructions=INSTRUCTIONS)


def _problem(kind: Kind, source: random.Random, split: Split) -> tuple[str, float | int | str]:
    facts, answer = kind.draw(Draw(source, unseen=split == "test"))
    name, friend = source.sample(NAMES, 2)
    sentence = source.choice(kind.train if split == "train" else kind.test)
    question = sentence.format(name=name, friend=friend, **facts)
    if kind.distractible and source.random() < DISTRACTED:
        aside = source.choice(DISTRACTORS[split])
        question = aside.format(name=name, friend=friend, n=source.randint(3, 90)) + " " + question
    return question, answer
