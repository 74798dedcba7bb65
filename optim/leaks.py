"""Answers written into code: literals of a function that are answers, or words, of training tasks."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from forge.task import Task

SHORTEST_TEXT = 4  # characters of an answer that says something
SHORTEST_QUOTE = 20  # characters of a question's own words
DIGITS = 3  # a number with fewer than so many significant digits is found in any program
LABEL_SHARE, LABEL_COUNT = 0.02, 3  # an answer of so many tasks is a label, such as "yes", and no secret
KNOWN = frozenset(
    {3.14, 3.141, 3.1416, 3.14159, 3.141592653589793, 2.718, 2.71828, 1.414, 1.732, 9.81, 0.0254, 2.54, 273.15}
    | {365, 366, 360, 180, 128, 255, 256, 512, 1024, 1440, 3600, 86400, 5280, 1609, 1609.34, 2.205, 453.6, 0.393}
)
"""Constants that a program may hold whatever the answers are."""
_WORD = re.compile(r"[$\w][\w.,'-]*\w|\w")


@dataclass(frozen=True, slots=True)
class Leak:
    """A literal of the code, and the training task whose answer or question it is."""

    literal: str
    task_id: str
    of: str  # "answer" or "question"


class Answers:
    """What no function may have written into it: looked up by value. Mutable only while it is made."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        tasks = list(tasks)
        counts = Counter(_plain(task.answer) for task in tasks)
        common = {value for value, n in counts.items() if n >= LABEL_COUNT and n > LABEL_SHARE * len(tasks)}
        self._answers: dict[float | str, str] = {}
        for task in tasks:
            value = _plain(task.answer)
            if _telling(value) and value not in common:
                self._answers.setdefault(value, task.id)
        self._questions = [(task.id, task.question) for task in tasks]

    def leaks(self, source: str) -> list[Leak]:
        """The telling literals of a source, docstrings aside, each once."""
        return self._found(_literals(ast.parse(source)))

    def leaks_in_text(self, text: str) -> list[Leak]:
        """The telling words and numbers of a text, each once."""
        return self._found(_words(text))

    def _found(self, literals: Iterable[str | int | float]) -> list[Leak]:
        found: dict[str, Leak] = {}
        for literal in literals:
            value = _plain(literal)
            if value in self._answers and _telling(value):
                found.setdefault(repr(literal), Leak(repr(literal), self._answers[value], "answer"))
            elif isinstance(literal, str) and len(literal) >= SHORTEST_QUOTE:
                for identity, question in self._questions:
                    if literal in question:
                        found.setdefault(repr(literal), Leak(repr(literal), identity, "question"))
                        break
        return list(found.values())


def _words(text: str) -> Iterator[str]:
    """The numbers of a text, and its runs of up to four words."""
    words = _WORD.findall(text)
    for length in range(1, 5):
        for first in range(len(words) - length + 1):
            yield " ".join(words[first : first + length])


def _literals(tree: ast.Module) -> Iterator[str | int | float]:
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in documentation or isinstance(node.value, bool):
            continue
        if isinstance(node.value, str | int | float):
            yield node.value


def _plain(value: Any) -> float | str:  # an answer may be anything
    """A number where it is one, else its words."""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return abs(float(value)) if abs(value) < 1e300 else str(value)
    text = " ".join(str(value).split()).casefold()
    try:
        return abs(float(text.replace(",", "").lstrip("$")))
    except ValueError:
        return text


def _telling(value: float | str) -> bool:
    if isinstance(value, str):
        return len(value) >= SHORTEST_TEXT
    return value not in KNOWN and len(f"{value:.12g}".replace(".", "").strip("0").partition("e")[0]) >= DIGITS
