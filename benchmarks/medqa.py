"""MedQA: questions of the US medical licensing exam, four choices (Jin et al. 2020, arXiv 2009.13081), MIT.

The authors publish them at https://github.com/jind11/MedQA, through a file store that cannot be pinned; their
`phrases_no_exclude_train.jsonl` is read here as `train.jsonl`. The 1,273 test questions are downloaded from MIRAGE.
What GPT-3.5 and GPT-4 answered to these is recorded there too: an agent, and an adviser that knows more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks import mirage
from benchmarks.data import DataFile, find_any, rows
from benchmarks.multiple_choice import asked, right
from benchmarks.published import Published
from forge.agent import Agent
from forge.expert import Expert
from forge.task import Dataset, Task
from functions.errors import ForgeError

INSTRUCTIONS = "Answer the medical question with the letter of the right choice: A, B, C or D."
ADVISED = " Seek advice where you would probably be wrong without it."
_LEADERBOARD = "MIRAGE's leaderboard"
PUBLISHED = {  # test questions; what cannot be read counts as the answer A there
    "gpt35_cot": Published(0.6504, _LEADERBOARD, accuracy=0.6504),
    "gpt4_cot": Published(0.8397, _LEADERBOARD, accuracy=0.8397),
}
_PAGE = "https://github.com/jind11/MedQA"
_FILES = {
    "train": (DataFile("medqa", "train.jsonl", page=_PAGE), DataFile("medqa", "train_sample.jsonl")),
    "test": (DataFile("medqa", "test.jsonl"), mirage.BENCHMARK),
}
_RECORDED = DataFile("medqa", "mirage_llm_answers.jsonl")


@dataclass(frozen=True, slots=True)
class Recorded:
    """Test questions, and the letter that each run of a model gave to each; None where none can be read.

    Args:
        letters: by run (`mirage.RUNS`), then by the task's id.
    """

    dataset: Dataset
    letters: Mapping[str, Mapping[str, str | None]]


def load(split: Literal["train", "test"], folder: Path | None = None) -> Dataset:
    """The questions of a split with their choices in the text; the answer is the letter.

    Args:
        split: "train" (`train.jsonl`, else a sample, `train_sample.jsonl`) or "test" (1,273).
        folder: the one that holds the files; None is wherever `DataFile.find` finds them.

    Raises:
        ForgeError: no such split, no such file, or a row that is none of MedQA's.
    """
    if split not in _FILES:
        raise ForgeError(f"medqa has no split {split!r}: it has 'train' and 'test'")
    path = find_any(*_FILES[split], folder=folder)
    found = mirage.questions("medqa", path) if path.name.startswith("benchmark.json") else rows(path)
    return _dataset(split, found, path)


def recorded(clone: Path | None = None) -> Recorded:
    """The test questions that were recorded, with the models' letters.

    Args:
        clone: of MIRAGE's repository; None is `mirage_llm_answers.jsonl`, which joins the same, under $FORGE_DATA.

    Raises:
        ForgeError: no such files.
    """
    path = _RECORDED.at_hand() if clone is None else clone
    if path is None:
        raise ForgeError(f"no recorded answers are at hand: clone https://github.com/{mirage.SOURCE.repository} and "
                         f"give its folder (--mirage), or let FORGE_DATA hold medqa/{_RECORDED.name}")  # fmt: skip
    found = list(rows(path) if clone is None else mirage.completions("medqa", clone))
    dataset = _dataset("test", found, path)
    letters: dict[str, dict[str, str | None]] = {run: {} for run in mirage.RUNS}
    for task, row in zip(dataset, found, strict=True):
        for run in mirage.RUNS:
            letters[run][task.id] = mirage.letter(row["raw"][run], task.metadata["options"])
    return Recorded(dataset, letters)


def agent(model: Any = "router", *, expert: Expert | None = None) -> Agent:
    """Answers one of four choices, or seeks advice where there is an expert.

    Args:
        model: a LiteLLM id, "router", or a Model.
    """
    instructions = INSTRUCTIONS + (ADVISED if expert is not None else "")
    return Agent(model=model, instructions=instructions, expert=expert, max_turns=4)


def _dataset(split: str, found: Iterable[Mapping[str, Any]], path: Path) -> Dataset:
    tasks = [_task(row, f"medqa-{split}-{_number(row, place)}", path) for place, row in enumerate(found)]
    return Dataset(tasks, metric=right, name=f"medqa-{split}")


def _task(row: Mapping[str, Any], identity: str, path: Path) -> Task:
    try:
        options: dict[str, str] = dict(row["options"])
        answer = row.get("answer_idx", row["answer"])  # the authors' answer is the words of the choice
        if answer not in options:
            raise KeyError(answer)
        return Task(identity, asked(row["question"], options), answer, metadata={"options": options})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ForgeError(f"{path}: {identity} is no MedQA row ({type(error).__name__}: {error}); it needs question, "
                         "options by letter, and the right letter as answer or answer_idx") from None  # fmt: skip


def _number(row: Mapping[str, Any], place: int) -> str:
    """A question's place in the whole split, whatever part of it a file holds; MIRAGE writes "0042"."""
    return str(row.get("id", row.get("idx", place))).lstrip("0") or "0"
