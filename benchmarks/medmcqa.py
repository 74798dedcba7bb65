"""MedMCQA: questions of Indian medical entrance exams, four choices (Pal et al. 2022, arXiv 2203.14371), MIT.

The authors publish 182,822 training and 4,183 development questions at https://github.com/medmcqa/medmcqa, through a
file store that cannot be pinned: their `train.json` is JSON lines, and is read here as `train.jsonl`. Development
questions are downloaded from MIRAGE. Explanations and subjects are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from benchmarks import mirage
from benchmarks.data import DataFile, find_any, rows
from benchmarks.multiple_choice import asked, right
from benchmarks.published import AGILE, Published
from forge.agent import Agent
from forge.expert import GoldExpert
from forge.memory import Memory
from forge.task import Dataset, Task
from functions.errors import ForgeError

INSTRUCTIONS = "Answer the medical question with the letter of the right choice: A, B, C or D."
ADVISED = " Seek advice where you would probably be wrong without it."
REMEMBERING = " Look up what earlier questions taught, and reflect on what advice teaches."
ADVICE_COST = 0.4  # in all of AGILE's figures
PUBLISHED = {  # development questions; agile-gpt4's score as printed (.884 - .4 * .421 = .716)
    "agile-gpt4": Published(0.721, AGILE, accuracy=0.884, advice_rate=0.421),
    "agile-mek7b without RL": Published(0.708, AGILE, accuracy=0.837, advice_rate=0.322),
    "agile-mek7b-ppo": Published(0.726, AGILE, accuracy=0.852, advice_rate=0.316),
    "agile-mek7b-ppo without memory": Published(0.539, AGILE, accuracy=0.741, advice_rate=0.506),
    "agile-mek7b-ppo without advice": Published(0.620, AGILE, accuracy=0.620, advice_rate=0.0),
}
_PAGE = "https://github.com/medmcqa/medmcqa"
_FILES = {
    "train": (DataFile("medmcqa", "train.jsonl", page=_PAGE), DataFile("medmcqa", "train_1k.jsonl")),
    "dev": (DataFile("medmcqa", "dev.jsonl"), mirage.BENCHMARK),
}


def load(split: Literal["train", "dev"], folder: Path | None = None, *, stream: int = 0) -> Dataset:
    """The questions of a split with their choices in the text; the answer is the letter.

    Args:
        split: "train" (`train.jsonl`, else a sample of 1,000, `train_1k.jsonl`) or "dev" (4,183).
        folder: the one that holds the files; None is wherever `DataFile.find` finds them.
        stream: how many questions in a row share one memory; 0 is none.

    Raises:
        ForgeError: no such split, no such file, or a row that is none of MedMCQA's.
    """
    if split not in _FILES or stream < 0:
        raise ForgeError(f"medmcqa.load({split!r}, stream={stream}): the splits are 'train' and 'dev', and a stream "
                         "has questions")  # fmt: skip
    path = find_any(*_FILES[split], folder=folder)
    found = mirage.questions("medmcqa", path) if path.name.startswith("benchmark.json") else rows(path)
    tasks = []
    for place, row in enumerate(found):
        name = f"{split}-{place // stream}" if stream else ""
        tasks.append(_task(row, f"medmcqa-{split}-{row.get('id', row.get('idx', place))}", name, path))
    return Dataset(tasks, metric=right, name=f"medmcqa-{split}")


def agent(model: Any = "router", *, advice_cost: float | None = ADVICE_COST, memory: bool = True) -> Agent:
    """Answers one of four choices, or seeks advice: with no memory, these five are all it can do.

    Args:
        model: a LiteLLM id, "router", or a Model.
        advice_cost: of asking who knows the answer; None is nobody to ask.
        memory: of reflections, for questions in streams.
    """
    return Agent(
        model=model,
        instructions=INSTRUCTIONS + (ADVISED if advice_cost is not None else "") + (REMEMBERING if memory else ""),
        memory=Memory() if memory else None,
        expert=None if advice_cost is None else GoldExpert(cost=advice_cost),
        max_turns=6,
    )


def _task(row: Mapping[str, Any], identity: str, stream: str, path: Path) -> Task:
    try:
        if "opa" in row:  # as the authors publish it: choices apart, the right one counted from 1
            options = {letter: row[f"op{letter.lower()}"] for letter in "ABCD"}
            answer = dict(enumerate("ABCD", start=1))[row["cop"]]
        else:
            options, answer = dict(row["options"]), row["answer"]
        if answer not in options:
            raise KeyError(answer)
        return Task(identity, asked(row["question"], options), answer, stream, {"options": options})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ForgeError(f"{path}: {identity} is no MedMCQA row ({type(error).__name__}: {error}); it needs question, "
                         "opa to opd and cop from 1 to 4, or options by letter and answer") from None  # fmt: skip
