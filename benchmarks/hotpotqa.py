"""HotpotQA: questions that need two paragraphs out of ten (Yang et al. 2018, arXiv 1809.09600), CC BY-SA 4.0.

The authors publish 90,447 training and 7,405 development questions with their paragraphs at https://hotpotqa.github.io
as `hotpot_train_v1.1.json` and `hotpot_dev_distractor_v1.json`, at an address that cannot be pinned: put them into the
folder `hotpotqa`. Otherwise samples are read or downloaded: 100 training and 1,000 development questions that HippoRAG
ships. Which paragraphs support an answer is for demonstrations alone.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from benchmarks.data import DataFile, Source, find_any, rows
from benchmarks.published import AGILE, Published
from forge.agent import Agent
from forge.expert import GoldExpert
from forge.memory import Memory
from forge.metrics import Score
from forge.session import Call, Session
from forge.task import Dataset, Task
from forge.tools import Tool, World
from functions.errors import ForgeError

INSTRUCTIONS = (
    "Answer the question. Two of ten paragraphs together hold the answer: search them, one thing at a time. Answer "
    "with a name, a number or a few words from a paragraph, or with yes or no."
)
ADVISED = " Seek advice where you would probably be wrong without it."
ADVICE_COST = 0.3  # in all of AGILE's figures
PUBLISHED = {  # exact match, development questions
    "agile-vic13b without RL": Published(0.617, AGILE, accuracy=0.668, advice_rate=0.171),
    "agile-vic13b-ppo": Published(0.628, AGILE, accuracy=0.675, advice_rate=0.156),
    "agile-vic13b-ppo without advice": Published(0.553, AGILE, accuracy=0.553, advice_rate=0.0),
}
_HIPPORAG = Source("OSU-NLP-Group/HippoRAG", "b144c46df14cabe5f5822d8caded4bec5f709461", "CC-BY-SA-4.0")
_REACT = Source("ysymyth/ReAct", "6bdb3a1fd38b8188fc7ba4102969fe483df8fdc9", "CC-BY-SA-4.0")
_FILES = {
    "train": (
        DataFile("hotpotqa", "hotpot_train_v1.1.json"),
        DataFile("hotpotqa", "train100_with_contexts.jsonl"),
        DataFile("hotpotqa", "hotpotqa_train.json", _HIPPORAG, "data/hotpotqa_train.json",
                 "7dbdf068a437f0577043667ffee3a20f0a602154"),
    ),
    "dev": (
        DataFile("hotpotqa", "hotpot_dev_distractor_v1.json"),
        DataFile("hotpotqa", "dev100_with_contexts.jsonl"),
        DataFile("hotpotqa", "hotpotqa.json", _HIPPORAG, "data/hotpotqa.json",
                 "885594857a412c98260802cb81df550a0b63db85"),
    ),
    "dev-closed": (
        DataFile("hotpotqa", "dev_simplified.jsonl"),
        DataFile("hotpotqa", "hotpot_dev_v1_simplified.json", _REACT, "data/hotpot_dev_v1_simplified.json",
                 "91c0a8bd7ac80a479d5d6dee6f24f40ab010adfe"),
    ),
}  # fmt: skip
_BINARY = {"yes", "no", "noanswer"}
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def load(split: Literal["train", "dev", "dev-closed"], folder: Path | None = None) -> Dataset:
    """The questions of a split; `metadata` has the paragraphs for the tools, and where the file says so the titles of
    those that support the answer, none of which a model is shown.

    Args:
        split: "train", "dev", or "dev-closed": all 7,405 development questions, without paragraphs.
        folder: the one that holds the files; None is wherever `DataFile.find` finds them.

    Raises:
        ForgeError: no such split, no such file, or a row that is none of HotpotQA's.
    """
    if split not in _FILES:
        raise ForgeError(f"hotpotqa has no split {split!r}: it has {', '.join(map(repr, _FILES))}")
    path = find_any(*_FILES[split], folder=folder)
    tasks = [_task(row, f"hotpotqa-{row.get('_id') or f'{split}-{place}'}", split, path)
             for place, row in enumerate(rows(path))]  # fmt: skip
    return Dataset(tasks, metric=exact, name=f"hotpotqa-{split}")


def agent(model: Any = "router", *, advice_cost: float | None = ADVICE_COST) -> Agent:
    """Searches the paragraphs of its task, and may seek advice.

    Args:
        model: a LiteLLM id, "router", or a Model.
        advice_cost: of asking who knows the answer; None is nobody to ask.
    """
    return Agent(
        model=model,
        tools=(Tool(search), Tool(lookup)),
        instructions=INSTRUCTIONS + (ADVISED if advice_cost is not None else ""),
        expert=None if advice_cost is None else GoldExpert(cost=advice_cost),
        max_turns=8,
    )


def search(query: str, world: World) -> str:
    """Find the paragraph on something: by its title, else by its words.

    Args:
        query: a name or a few words.
    """
    paragraphs = _paragraphs(world)
    by_title = {_normal(title): place for place, (title, _) in enumerate(paragraphs)}
    place = by_title.get(_normal(query))
    if place is None:
        memory = Memory()
        for number, (title, sentences) in enumerate(paragraphs):
            memory.add(f"{title} {' '.join(sentences)}", source=str(number))
        found = memory.search(query, 1)
        place = int(found[0].source) if found else None
    if place is None:
        return f"No paragraph has any of these words. There are: {'; '.join(title for title, _ in paragraphs)}."
    return _shown(*paragraphs[place])


def lookup(keyword: str, world: World) -> str:
    """Find the sentences with some words in the paragraph that was found last.

    Args:
        keyword: words as they stand there.
    """
    shown = {_shown(title, sentences): sentences for title, sentences in _paragraphs(world)}
    seen = [seen.value for step in world.steps for seen in step.observations if seen.name == "search"]
    read = [shown[text] for text in seen if text in shown]
    if not read:
        raise ForgeError("lookup reads the paragraph that was found last, and none was found yet: search first")
    found = [sentence for sentence in read[-1] if keyword.casefold() in sentence.casefold()]
    return "\n".join(f"({place} of {len(found)}) {text}" for place, text in enumerate(found, 1)) or "No results."


def supporting_searches(task: Task) -> list[Call]:
    """The searches of a demonstration: each paragraph that supports the answer, once."""
    return [Call("search", {"query": title}) for title in task.metadata.get("supporting", ())]


def exact(task: Task, session: Session) -> Score:
    """Exact match, as HotpotQA's evaluation has it: case, punctuation, articles and white space aside."""
    given = "" if session.answer is None else str(session.answer)
    match = session.answer is not None and _normal(given) == _normal(str(task.answer))
    return Score(float(match), f"F1 {_overlap(given, str(task.answer)):.2f}")


def f1(task: Task, session: Session) -> float:
    """The harmonic mean of precision and recall over words, as HotpotQA's evaluation has it."""
    return 0.0 if session.answer is None else _overlap(str(session.answer), str(task.answer))


def _normal(text: str) -> str:
    """Punctuation goes first: "U.S." is "us", and "a-b" is one word without an article."""
    return " ".join(re.sub(r"\b(?:an?|the)\b", " ", text.lower().translate(_PUNCTUATION)).split())


def _overlap(given: str, wanted: str) -> float:
    """F1 over words; yes, no and noanswer agree with nothing but themselves."""
    given, wanted = _normal(given), _normal(wanted)
    if given != wanted and (given in _BINARY or wanted in _BINARY):
        return 0.0
    shared = (Counter(given.split()) & Counter(wanted.split())).total()
    return 2 * shared / (len(given.split()) + len(wanted.split())) if shared else 0.0


def _paragraphs(world: World) -> list[tuple[str, list[str]]]:
    paragraphs: list[tuple[str, list[str]]] = world.task.metadata.get("paragraphs", [])
    if not paragraphs:
        raise ForgeError(f"task {world.task.id!r} has no paragraphs: load 'dev' or 'train'")
    return paragraphs


def _shown(title: str, sentences: list[str]) -> str:
    return f"{title}: {' '.join(sentences)}"


def _task(row: Mapping[str, Any], identity: str, split: str, path: Path) -> Task:
    try:
        metadata: dict[str, Any] = {"type": row["type"]}
        if split != "dev-closed":
            metadata["level"] = row["level"]
            metadata["paragraphs"] = [(title, [s.strip() for s in sentences]) for title, sentences in row["context"]]
            if "supporting_facts" in row:
                metadata["supporting"] = list(dict.fromkeys(title for title, _ in row["supporting_facts"]))
        return Task(identity, row["question"], row["answer"], metadata=metadata)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ForgeError(f"{path}: {identity} is no HotpotQA row ({type(error).__name__}: {error}); it needs question, "
                         "answer and type, and, with paragraphs, level and context") from None  # fmt: skip
