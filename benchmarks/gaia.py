"""GAIA: questions for general assistants, with files and the web (Mialon et al. 2023, arXiv 2311.12983).

The data is gated and must not be passed on: it is not downloaded here, and none of it is in this package.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from benchmarks.attachment import file_tools
from benchmarks.data import DataFile, find_any, rows
from benchmarks.published import AGENT_OPTIMIZER, Published
from benchmarks.web_page import Web, web_tool
from forge.agent import Agent
from forge.python_function import python_interpreter
from forge.session import Session
from forge.task import Dataset, Task
from forge.tools import Tool
from functions.errors import ForgeError

INSTRUCTIONS = """\
Answer the question with the help of the functions, then submit the answer and nothing else: a number, as few words as
possible, or a list of these with commas between. Write a number in digits, without commas and, unless the question
asks for one, without a unit such as $ or %. Write words without articles or abbreviations, and digits in them as words
unless the question asks otherwise."""
PUBLISHED_BY_LEVEL = {  # all 466 questions
    level: {"GPT-4 with plugins chosen by hand": Published(score, "arXiv 2311.12983, table 4")}
    for level, score in {1: 0.303, 2: 0.097, 3: 0.0}.items()
}
PUBLISHED = {  # 100 questions of all levels, before and after training on 10, one run each
    "GPT-4 with code interpreter": Published(0.16, AGENT_OPTIMIZER),
    "GPT-4 with code interpreter, trained": Published(0.23, AGENT_OPTIMIZER),
    "GPT-4, ReAct": Published(0.12, AGENT_OPTIMIZER),
    "GPT-4, ReAct, trained": Published(0.18, AGENT_OPTIMIZER),
}
LEARNED, TESTED = 10, 100  # questions, in the AgentOptimizer paper
_PAGE = "https://huggingface.co/datasets/gaia-benchmark/GAIA"


def load(
    split: Literal["validation", "test"] = "validation", level: int | None = None, folder: Path | None = None
) -> Dataset:
    """The questions of a split; where a file comes with one, its name stands below, and `file_tools` reads it.

    Of a row, the annotator's own steps are left out. The test split has no answers, and cannot be scored here.

    Args:
        level: 1, 2 or 3; None is all.
        folder: the one with the split's metadata.jsonl and files; None is 2023/<split> of the data set's repository,
            copied to $FORGE_DATA/gaia or to gaia in the cache, or for the validation split those folders themselves.

    Raises:
        ForgeError: no such split or level, no such file, or a row that is none of GAIA's.
    """
    if split not in ("validation", "test"):
        raise ForgeError(f"gaia has no split {split!r}: it has 'validation' and 'test'")
    if level not in (None, 1, 2, 3):
        raise ForgeError(f"gaia has no level {level!r}: give 1, 2 or 3, or None for all")
    path = _find(split, folder)
    tasks = [_task(row, place, path) for place, row in enumerate(_rows(path))]
    chosen = [task for task in tasks if level in (None, task.metadata["level"])]
    name = f"gaia-{split}" if level is None else f"gaia-{split}-level-{level}"
    return Dataset(chosen, metric=quasi_exact, name=name)


def drawn(part: Literal["train", "test"], seed: int = 0, folder: Path | None = None) -> Dataset:
    """10 validation questions to train on, or 100 others to test, as many as AgentOptimizer's authors take, by seed.

    Where there are too few to train on, all are there to test.

    Raises:
        ForgeError: as `load` does, or there are too few to train on.
    """
    whole = load("validation", folder=folder)
    if len(whole) > LEARNED:
        train, rest = whole.split(LEARNED, seed=seed)
        return train if part == "train" else rest.sample(TESTED, seed=seed)
    if part == "test":
        return whole
    raise ForgeError(f"gaia: metadata has {len(whole)} questions, and training takes {LEARNED} and tests on others: "
                     "give it the whole validation split, or evaluate alone, on all of these")  # fmt: skip


WEB = "FORGE_GAIA_WEB"


def agent(model: Any = "router", *, web: bool | Web | None = None, tools: Sequence[Tool] = ()) -> Agent:
    """An agent that reads a question's file and runs Python.

    Args:
        model: as of a forge.Agent.
        web: let it fetch pages of the public web, within limits; None is whether $FORGE_GAIA_WEB is 1.
        tools: further ones, such as a search engine of your own.
    """
    wanted = os.environ.get(WEB) == "1" if web is None else web
    pages = (web_tool(wanted if isinstance(wanted, Web) else None),) if wanted else ()
    return Agent(
        model=model,
        functions=[python_interpreter],
        tools=(*file_tools(), *pages, *tools),
        instructions=INSTRUCTIONS,
        max_turns=30,
    )


def quasi_exact(task: Task, session: Session) -> bool:
    """GAIA's own scorer: a number as a number, a list element by element, other text without space and punctuation.

    What was submitted as a JSON list is read as its elements with commas between.

    Raises:
        ForgeError: the task has no answer, as those of the test split.
    """
    if task.answer is None:
        raise ForgeError(f"task {task.id!r} has no answer: those of GAIA's test split are not published; its "
                         "leaderboard scores them, the validation split is scored here")  # fmt: skip
    return _same(_written(session.answer), str(task.answer))


def _same(given: str, gold: str) -> bool:
    if _number(gold) is not None:
        return _without_units(given) == _number(gold)
    if not set(",;") & set(gold):
        return _folded(given).translate(_NO_PUNCTUATION) == _folded(gold).translate(_NO_PUNCTUATION)
    parts, wanted = re.split("[,;]", given), re.split("[,;]", gold)
    return len(parts) == len(wanted) and all(map(_same_element, parts, wanted))


def _same_element(given: str, gold: str) -> bool:
    if _number(gold) is not None:
        return _without_units(given) == _number(gold)
    return _folded(given) == _folded(gold)  # punctuation may be what an element is about


_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_NO_UNITS = str.maketrans("", "", "$%,")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _without_units(text: str) -> float | None:
    return _number(text.translate(_NO_UNITS))


def _folded(text: str) -> str:
    return re.sub(r"\s", "", text).lower()


def _written(answer: Any) -> str:  # any JSON value
    return ",".join(map(str, answer)) if isinstance(answer, list) else str(answer)


def _find(split: str, folder: Path | None) -> Path:
    kept = f"gaia/2023/{split}"
    files = (DataFile(kept, "metadata.jsonl"), DataFile(kept, "metadata.parquet"))
    alone = DataFile("gaia", "metadata.jsonl").at_hand(folder)
    if alone and split == "validation" and not any(file.at_hand(folder) for file in files):
        return alone
    try:
        return find_any(*files, folder=folder)
    except ForgeError as missing:
        raise ForgeError(f"{missing}. GAIA is gated: accept its terms at {_PAGE}, download it from there (hf download "
                         "gaia-benchmark/GAIA --repo-type dataset --local-dir $FORGE_DATA/gaia), or give folder=, the "
                         "one with metadata.jsonl") from None  # fmt: skip


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of JSON lines, or of the Parquet that newer revisions of the repository have."""
    if path.suffix != ".parquet":
        return rows(path)
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ForgeError(f"reading {path} needs the package pyarrow: pip install 'forge-agents[hub]'") from error
    try:
        found: Iterable[Mapping[str, Any]] = parquet.read_table(path).to_pylist()
    except (OSError, ArrowException) as error:
        raise ForgeError(f"cannot read {path}: {error}") from error
    return iter(found)


def _task(row: Mapping[str, Any], place: int, path: Path) -> Task:
    try:
        identity, question, level = str(row["task_id"]), row["Question"].strip(), int(row["Level"])
        answer, file = row["Final answer"], str(row["file_name"] or "")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ForgeError(f"{path}: row {place} needs task_id, Question, Level, Final answer and file_name "
                         f"({type(error).__name__}: {error})") from None  # fmt: skip
    metadata: dict[str, Any] = {"level": level}
    if file:
        metadata["file"] = str(_beside(path, file, place))
        question = f"{question}\n\nThis file comes with the question: {file}"
    return Task(identity, question, None if answer in (None, "", "?") else str(answer), metadata=metadata)


def _beside(path: Path, file: str, place: int) -> Path:
    """The attachment, which must lie in the folder of the metadata."""
    if Path(file).name != file or file in (".", "..") or re.search(r"[\\\0]", file):
        raise ForgeError(f"{path}: row {place} has file_name {file!r}: it must be the name of a file beside it")
    if not (path.parent / file).is_file():
        raise ForgeError(f"{path}: row {place} comes with {file}, which is not in {path.parent}: download it too")
    return path.parent / file
