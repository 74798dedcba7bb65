"""TabMWP: 38,431 word problems, each over a table (Lu et al. 2023, arXiv 2209.14610).

The data is CC BY-NC-SA 4.0: for non-commercial use, shared alike, and so it is downloaded by who uses it and never
packaged. Scored as its authors score (see `same_answer`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from benchmarks.data import DataFile, Source, find_any, rows
from benchmarks.published import AGENT_OPTIMIZER, Published
from forge.agent import Agent
from forge.session import Session
from forge.task import Dataset, Task
from functions.errors import ForgeError

INSTRUCTIONS = (
    "Answer the question about the table. Answer with the number alone or, where there are choices, with the text of "
    "the right one."
)
_COUNTED = "lupantech/PromptPG, result files"
PUBLISHED = {
    # of the 7,686 test problems, counted in the authors' files
    "UnifiedQA large, fine-tuned": Published(4408 / 7686, _COUNTED),
    "TAPEX large, fine-tuned": Published(4498 / 7686, _COUNTED),
    "GPT-3 zero-shot": Published(4378 / 7686, _COUNTED),
    "GPT-3 few-shot": Published(4381 / 7686, _COUNTED),
    "GPT-3 zero-shot, chain of thought": Published(4428 / 7686, _COUNTED),
    "GPT-3 few-shot, chain of thought": Published(4882 / 7686, _COUNTED),
    "GPT-3 with PromptPG": Published(0.6823, "lupantech/PromptPG, README.md"),
    # 100 problems that are not published, before and after training on some 30
    "GPT-3.5 with code": Published(0.51, AGENT_OPTIMIZER),
    "GPT-3.5 with code, trained": Published(0.56, AGENT_OPTIMIZER),
    "GPT-3.5, ReAct": Published(0.59, AGENT_OPTIMIZER),
    "GPT-3.5, ReAct, trained": Published(0.70, AGENT_OPTIMIZER),
    "CREATOR": Published(0.30, AGENT_OPTIMIZER),
    "CRAFT": Published(0.385, AGENT_OPTIMIZER),
}
SPLITS = ("train", "dev", "test", "dev1k", "test1k")
_SOURCE = Source("lupantech/PromptPG", "7cf61b1bec07222fc24b4f5a1410911f77c2d2c9", "CC-BY-NC-SA-4.0")
_BLOBS = {
    "train": "bebca41ffd8124b196781ecd2ee36488961e0d0a",
    "dev": "5506b356bc3e45b0aa8d245dc3f927a67da3f50f",
    "test": "eb3a92279b57aa84ce7bb7d3051c7b9749a1aadc",
    "dev1k": "79ab01048e1e29581f34631fe51ab98c7a704c61",
    "test1k": "e02ef707d15e555f8a7e74ff31080001fed95e4b",
}
_FILES = {
    split: (
        DataFile("tabmwp", f"problems_{split}.jsonl"),  # the same rows, one a line
        DataFile("tabmwp", f"problems_{split}.json", _SOURCE, f"data/tabmwp/problems_{split}.json", blob),
    )
    for split, blob in _BLOBS.items()
}


def load(split: Literal["train", "dev", "test", "dev1k", "test1k"], folder: Path | None = None) -> Dataset:
    """The problems of a split; the question shows the table with its title, the unit and the choices.

    `metadata` has "choices" (empty for free text), "unit" (""), "table" (a mapping from the header of a column to its
    cells, for tools), "type" ("free_text" or "multi_choice"), "answer_type" and "grade". The solution stays out.

    Args:
        split: "train" (23,059 problems at the source), "dev" and "test" (7,686 each), "dev1k" and "test1k" (1,000 of
            those each).
        folder: the one that holds the files; None is wherever `DataFile.find` finds them.

    Raises:
        ForgeError: no such split, no such file, or a row that is none of TabMWP's.
    """
    if split not in _FILES:
        raise ForgeError(f"tabmwp has no split {split!r}: it has {', '.join(SPLITS)}")
    path = find_any(*_FILES[split], folder=folder)
    tasks = [_task(row, place, path) for place, row in enumerate(rows(path))]
    return Dataset(tasks, metric=same_answer, name=f"tabmwp-{split}")


def agent(model: Any = "router") -> Agent:
    """The agent that training starts from, without a single function."""
    return Agent(model=model, instructions=INSTRUCTIONS)


def same_answer(task: Task, session: Session) -> bool:
    """Whether the answer is the task's, by the rules of TabMWP's authors (PromptPG, run_gpt3).

    Free text: the number that `read_out` finds; numbers are equal if they are to three decimals, whatever way they are
    written (1,234; 3/4; $5.50; 5.5).
    Choices: the one that is `chosen`. Unlike theirs, the case of letters does not matter; a letter must stand alone,
    where "The answer is Celine" is C to them; what "The answer is" is followed by comes before other words, and 5 is
    the choice $5; a letter that no choice has is wrong, where they draw lots; and words that are like none of the
    choices, or as much like two, are wrong, where they take the first. JSON's true and false are yes and no.
    """
    if session.answer is None:
        return False
    choices = task.metadata.get("choices") or ()
    answer = session.answer
    if isinstance(answer, bool) and {"yes", "no"} <= {*choices}:
        answer = "yes" if answer else "no"
    given, unit = _plain(answer), str(task.metadata.get("unit") or "")
    prediction = chosen(given, choices) if choices else read_out(given)
    return prediction is not None and normal_form(prediction, unit) == normal_form(str(task.answer), unit)


_DIGITS = re.compile(r"[-+]?[\d.,/]*\d[\d.,/]*")


def normal_form(text: str, unit: str = "") -> str:
    """A text in which equal answers are alike: a number to three decimals, another text without unit and capitals."""
    text = re.sub(r"[.,/]$", "", text.replace("$", ""))
    number = _number(text)
    if number is None and unit:
        text = text.replace(unit, "").strip()
        number = _number(text)
    return text.casefold() if number is None else f"{number:.3f}".rstrip("0").rstrip(".")


def read_out(text: str) -> str:
    """The number that words give for an answer: the last one that the first of the authors' rules finds.

    All that follows "The answer is"; else what follows "=", "is" or "were"; else the last number at all.
    """
    for rule in _CUES:
        if found := rule.findall(text):
            last: str = found[-1].strip()
            return last if last.endswith(".M.") else last.removesuffix(".")
    return text


_VALUE = r"([-\d$.,/:]*\d)"
_CUES = [
    re.compile(rule)
    for rule in (
        r"(?s)The answer is (.+)$",
        rf"[Tt]he table shows that {_VALUE} ",
        rf" = {_VALUE}",
        rf" (?:be|is) {_VALUE}",
        rf" (?:are|was) {_VALUE}",
        rf" were {_VALUE}",
        r" ([\d:]+ [AP]\.M\.)",
        _VALUE,
    )
]
_NAMED = re.compile(r"\bthe (?:correct |right |best )?answer is ", re.IGNORECASE)
_LETTER = re.compile(rf"(?s)(?:.*{_NAMED.pattern})?(?:\(([a-z])\)(?:\W.*)?|([a-z])(?:[.):,].*)?)", re.IGNORECASE)


def chosen(text: str, choices: Sequence[str]) -> str | None:
    """The choice that a text names by its words or its letter, else the one most like it; None if there is none.

    "The answer is" names the choice that comes next, whatever is said before and after.
    """
    folded = [_folded(choice) for choice in choices]
    if _folded(text) in folded:
        return choices[folded.index(_folded(text))]
    same = [choice for choice in choices if _number(text) is not None and normal_form(choice) == normal_form(text)]
    if len(same) == 1:
        return same[0]
    if letter := _LETTER.fullmatch(text.strip()):
        place = ord((letter[1] or letter[2]).lower()) - ord("a")
        return choices[place] if place < len(choices) else None
    *_, answer = _NAMED.split(text)
    answer = _folded(answer) if answer != text else ""
    begun = [choice for choice in folded if choice and re.match(rf"{re.escape(choice)}(?![\w'-]|[: ]\d)", answer)]
    if begun:
        return choices[folded.index(max(begun, key=len))]
    words = set(_folded(text).split())
    shared = [len(words & set(choice.split())) / max(len(words), len(choice.split()), 1) for choice in folded]
    best = max(shared)
    return choices[shared.index(best)] if shared.count(best) == 1 else None


def _number(text: str) -> float | None:
    if not _DIGITS.fullmatch(text):
        return None
    over, slash, under = text.replace(",", "").partition("/")
    try:
        return round(float(over) / float(under if slash else 1), 3) + 0.0  # no -0.0
    except (ValueError, ZeroDivisionError):
        return None


def _plain(value: Any) -> str:
    """An answer as text in plain signs, without the full stop of a sentence."""
    if isinstance(value, float):
        value = round(value, 3)
    text = str(value).strip().replace("\N{MINUS SIGN}", "-")
    text = re.sub(r"(?<=\d)=(?=[-$\d])", " = ", text)
    text = re.sub(r"\$?\\frac\{([-\d.,]+)\}\{([\d.,]+)\}\$?", r"\1/\2", text)
    return re.sub(r"(?<![AP]\.M)\.$", "", text)


def _folded(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s:$%/'-]", " ", text.casefold()).split())


def _task(row: Mapping[str, Any], place: int, path: Path) -> Task:
    try:
        identity, choices = row.get("pid") or row["id"], row["choices"] or []
        lines = [row["table"], row["question"].strip()]
        if row["table_title"]:
            lines.insert(0, row["table_title"])
        if row["unit"]:
            lines[-1] += f" (Unit: {row['unit']})"
        if choices:
            lines.append("Choices: " + " ".join(f"({chr(65 + n)}) {choice}" for n, choice in enumerate(choices)))
        metadata = {
            "choices": [*choices],
            "unit": row["unit"] or "",
            "table": dict(row["table_for_pd"]),
            "type": row["ques_type"],
            "answer_type": row["ans_type"],
            "grade": row["grade"],
        }
        return Task(f"tabmwp-{identity}", "\n".join(lines), row["answer"].strip(), metadata=metadata)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ForgeError(f"{path}: row {place} is none of TabMWP's ({type(error).__name__}: {error}); it needs "
                         "question, choices, answer, unit, table_title, table, table_for_pd, ques_type, ans_type and "
                         "grade") from None  # fmt: skip
