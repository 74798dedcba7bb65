"""MAWPS: arithmetic word problems (Koncel-Kedziorski et al. 2016), fold 0 of the five of the SVAMP repository.

Only question and answer are read; the equation that the files hold too is for nobody here. The training file has
1,537 problems, the held-out one 384; the two share many sentences that differ in names and numbers alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from benchmarks.data import DataFile, rows
from benchmarks.published import Published
from benchmarks.svamp import SOURCE
from forge.agent import Agent
from forge.metrics import numeric
from forge.task import Dataset, Task
from functions.errors import ForgeError

INSTRUCTIONS = "Solve the word problem. Answer with the number alone."
SIZES = (20, 60, 200, 600, 1537)  # of training sets on the learning curve
PUBLISHED = {  # accuracy, mean of five folds; both fine-tune a language model
    "GTS with RoBERTa": Published(0.885, "arXiv 2103.07191, table 2"),
    "Graph2Tree with RoBERTa": Published(0.887, "arXiv 2103.07191, table 2"),
}
_FILES = {
    "train": DataFile("mawps", "fold0_train.csv", SOURCE, "data/cv_mawps/fold0/train.csv",
                      "f88c68144215255297e0b545008f183e1996635e"),
    "test": DataFile("mawps", "fold0_dev.csv", SOURCE, "data/cv_mawps/fold0/dev.csv",
                     "f97935058545bfd92c0e7c94758263df4eddaaa9"),
}  # fmt: skip
_PLACEHOLDER = re.compile(r"number(\d+)")


def load(split: Literal["train", "test"], folder: Path | None = None) -> Dataset:
    """The problems of a split with their numbers in the text, scored to four digits.

    Args:
        split: "train" or "test" (the file that the fold calls dev; it is used for nothing but testing).
        folder: the one that holds the files; None is wherever `DataFile.find` finds them.

    Raises:
        ForgeError: no such split, no such file, or a file that is not what it should be.
    """
    if split not in _FILES:
        raise ForgeError(f"mawps has no split {split!r}: it has 'train' and 'test'")
    path = _FILES[split].find(folder)
    tasks = [_task(row, f"mawps-{split}-{place}", path) for place, row in enumerate(rows(path))]
    return Dataset(tasks, metric=numeric(1e-4), name=f"mawps-{split}")


def agent(model: Any = "router") -> Agent:
    """The agent that training starts from, without a single function."""
    return Agent(model=model, instructions=INSTRUCTIONS)


def _task(row: Mapping[str, Any], identity: str, path: Path) -> Task:
    try:
        numbers = [float(number) for number in row["Numbers"].split()]
        question = _PLACEHOLDER.sub(lambda match: _written(numbers[int(match.group(1))]), row["Question"])
        return Task(identity, question, float(row["Answer"]))
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ForgeError(f"{path}: {identity} is no MAWPS row ({type(error).__name__}: {error}); it needs Question "
                         "with number0, number1, ..., Numbers and Answer") from None  # fmt: skip


def _written(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(number)
