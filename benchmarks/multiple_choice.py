"""Multiple choice: a question with its choices, and which one of them a text names.

A text names a choice by its letter ("B", "(b)", "B. Aspirin", "the answer is B", "B, because ...", "I choose B", "B is
correct", "\\boxed{B}") or by its words. What names two, as "A or B" does, names none. Letters in running prose
("hepatitis B", "A patient ...") are not taken for choices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from forge.metrics import Score
from forge.session import Session
from forge.task import Task

LONGEST = 10_000  # characters; a longer text names nothing, and brackets without end would take minutes to read
_LETTERS = r"[A-Z](?:\s*(?:/|,|&|and|or)\s*\(?[A-Z]\b\)?)*"
_SIGNS = r"[\s*_\"'({\[]*"  # that may stand before a letter: Markdown, brackets, quotes
_ENDS = r"[\s*_\"')}\]]*(?:[.,;:!]|$|\b(?:because|since|as)\b)"
_MARKED = (
    re.compile(rf"^\W*({_LETTERS})[\s*_)\]]*(?:[.):]|$|,?\s*(?:because|since)\b|,\s*as\b(?!\s+well))"),
    re.compile(r"\(([A-Z])\)"),
    re.compile(
        rf"(?i:\b(?:answer|choice|option)s?)[\"'*_]*(?i:\s+(?:is|are|would\s+be))?\s*:?{_SIGNS}({_LETTERS})(?!\w)"
    ),
    re.compile(rf"\\(?:boxed|fbox){_SIGNS}(?:\\[a-z]+{_SIGNS})?({_LETTERS})(?!\w)"),
    re.compile(rf"\bI(?:'d|'ll|\s+would|\s+will)?\s+(?:choose|chose|pick|picked|select){_SIGNS}({_LETTERS}){_ENDS}"),
    re.compile(
        rf"(?:^|[.:;!,]\s)\W*(?i:(?:so|thus|hence|therefore),?\s+)?{_SIGNS}({_LETTERS})[\s*_\"')\]]+(?:is|are)\s+"
        rf"(?:the\s+)?(?:(?:most|one|only)\s+)?(?:correct|right|best|true)(?:\s+(?:answer|choice|option|one))?{_ENDS}"
    ),
)


def asked(question: str, options: Mapping[str, str]) -> str:
    """The question as an agent reads it: a line for each choice."""
    return "\n".join([question.strip(), *(f"{letter}. {text.strip()}" for letter, text in options.items())])


def named(answer: object, options: Mapping[str, str]) -> str | None:
    """The letter of the one choice that an answer names; None where it names none or several, or is too long.

    Args:
        answer: what an agent submitted, or a text.
        options: the choices by letter, upper case.
    """
    text = "" if answer is None else " ".join(str(answer).split())
    if len(text) > LONGEST:
        return None
    alone = text.strip(" .,:;()[]{}'\"*")
    if alone.upper() in options:
        return alone.upper()
    same = [letter for letter, option in options.items() if _folded(option) in (_folded(text), _folded(alone))]
    if same:
        return same[0] if len(same) == 1 else None
    found, rest = _by_words(text, options)
    found.update(_marked(rest))  # a letter that is not offered counts: "E. Retrograde" names none
    return found.pop() if len(found) == 1 and found <= options.keys() else None


def right(task: Task, session: Session) -> Score:
    """Whether the answer names the task's choice and no other; the task's metadata has the "options"."""
    letter = named(session.answer, task.metadata["options"])
    if letter == task.answer:
        return Score(1.0)
    return Score(0.0, f"the answer names {letter}" if letter else "the answer names no choice, or several")


def _by_words(text: str, options: Mapping[str, str]) -> tuple[set[str], str]:
    """The choices whose words are in the text, and the text without them; words within longer ones are not found."""
    found = set()
    for letter, option in sorted(options.items(), key=lambda item: -len(item[1])):
        words = " ".join(option.split())
        if len(words) < 2:  # one character is in any text by chance
            continue
        rest = re.sub(rf"(?<!\w)(?<!\d[.,]){re.escape(words)}(?!\w)(?![.,]\d)", "\0", text, flags=re.IGNORECASE)
        if rest != text:
            found.add(letter)
            text = rest
    return found, text


def _marked(text: str) -> Iterator[str]:
    """Letters that stand where one says which choice is meant."""
    for pattern in _MARKED:
        for match in pattern.finditer(text):
            yield from re.findall(r"\b[A-Z]\b", match.group(1))


def _folded(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")
