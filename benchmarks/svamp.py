"""SVAMP: one-step word problems that punish shallow reading (Patel et al. 2021, arXiv 2103.07191), MIT.

It is a test set alone: its authors train on MAWPS and ASDiv-A, and so it is tested here after training on MAWPS.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.data import DataFile, Source, rows
from benchmarks.published import Published
from forge.agent import Agent
from forge.metrics import numeric
from forge.task import Dataset, Task
from functions.errors import ForgeError

INSTRUCTIONS = "Solve the word problem. Answer with the number alone."
SOURCE = Source("arkilpatel/SVAMP", "689d7ccac74b9983a2ac7cc3b264f441b99e7c53", "MIT")
PUBLISHED = {  # execution accuracy after training on MAWPS and ASDiv-A
    "Seq2Seq with RoBERTa": Published(0.403, "arXiv 2103.07191"),
    "GTS with RoBERTa": Published(0.410, "arXiv 2103.07191"),
    "Graph2Tree with RoBERTa": Published(0.438, "arXiv 2103.07191"),
}
_FILE = DataFile("svamp", "SVAMP.json", SOURCE, "SVAMP.json", "aad093525105c6331581d7082250b9c22578271e")


def load(folder: Path | None = None) -> Dataset:
    """The 1,000 problems, scored to four digits; `metadata` has the operation under "type".

    Args:
        folder: the one that holds the file; None is wherever `DataFile.find` finds it.

    Raises:
        ForgeError: no such file, or a row that is none of SVAMP's.
    """
    path = _FILE.find(folder)
    tasks = []
    for place, row in enumerate(rows(path)):
        try:
            body = row["Body"].strip()
            text = f"{body}{'' if body.endswith('.') else ','} {row['Question'].strip()}"  # "If there are 3 bags"
            tasks.append(Task(f"svamp-{place}", text, float(row["Answer"]), metadata={"type": row["Type"]}))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ForgeError(f"{path}: row {place} needs Body, Question, Answer and Type ({type(error).__name__}: "
                             f"{error})") from None  # fmt: skip
    return Dataset(tasks, metric=numeric(1e-4), name="svamp")


def agent(model: Any = "router") -> Agent:
    """The agent that training starts from, without a single function."""
    return Agent(model=model, instructions=INSTRUCTIONS)
