"""GSM8K: grade-school word problems written by people (Cobbe et al. 2021, arXiv 2110.14168), MIT."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from benchmarks.data import DataFile, Source, rows
from benchmarks.published import Published
from forge.agent import Agent
from forge.metrics import numeric, read_number
from forge.task import Dataset, Task
from functions.errors import ForgeError

INSTRUCTIONS = "Solve the word problem. Answer with the number alone."
_COUNTED = "openai/grade-school-math, example_model_solutions.jsonl"
PUBLISHED = {  # of the 1,319 test problems, counted in the authors' file
    "GPT-3 6B, fine-tuned": Published(0.217, _COUNTED),
    "GPT-3 6B with a verifier": Published(0.390, _COUNTED),
    "GPT-3 175B, fine-tuned": Published(0.347, _COUNTED),
    "GPT-3 175B with a verifier": Published(0.563, _COUNTED),
}
_SOURCE = Source("openai/grade-school-math", "3101c7d5072418e28b9008a6636bde82a006892c", "MIT")
_FILES = {
    "train": DataFile("gsm8k", "train.jsonl", _SOURCE, "grade_school_math/data/train.jsonl",
                      "7d97154b91aef28d01c3301741c81ce90039a4b1"),
    "test": DataFile("gsm8k", "test.jsonl", _SOURCE, "grade_school_math/data/test.jsonl",
                     "e4c2ff4942b9a78bd74f04141224c11e28d12dc9"),
}  # fmt: skip


def load(split: Literal["train", "test"], folder: Path | None = None) -> Dataset:
    """The problems of a split; the answer is the number behind the solution's "####", the solution stays out.

    Args:
        split: "train" (7,473 problems at the source) or "test" (1,319).
        folder: the one that holds the files; None is wherever `DataFile.find` finds them.

    Raises:
        ForgeError: no such split, no such file, or a row without a final answer.
    """
    if split not in _FILES:
        raise ForgeError(f"gsm8k has no split {split!r}: it has 'train' and 'test'")
    path = _FILES[split].find(folder)
    tasks = []
    for place, row in enumerate(rows(path)):
        _, marked, final = str(row.get("answer", "")).rpartition("####")
        answer = read_number(final)
        if not marked or answer is None or "question" not in row:
            raise ForgeError(f"{path}: row {place} needs a question, and an answer that ends with '#### number'")
        tasks.append(Task(f"gsm8k-{split}-{place}", row["question"], answer))
    return Dataset(tasks, metric=numeric(1e-6), name=f"gsm8k-{split}")


def agent(model: Any = "router") -> Agent:
    """The agent that training starts from, without a single function."""
    return Agent(model=model, instructions=INSTRUCTIONS)
