"""How an answer is scored: a metric reads the task and the session and gives a number in [0, 1]."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from functions.errors import ForgeError

if TYPE_CHECKING:
    from forge.models.chat import ChatModel
    from forge.session import Session
    from forge.task import Task


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's verdict: `value` in [0, 1], and words for the optimizer on why."""

    value: float
    feedback: str = ""


class Metric(Protocol):
    """`metric(task, session)`: how right the session's answer is, in [0, 1]."""

    def __call__(self, task: Task, session: Session) -> float | bool | Score: ...


def exact_match(task: Task, session: Session) -> bool:
    """Equal texts, case and white space folded; numbers of equal value are equal (5 and 5.0)."""
    if _is_number(task.answer) and _is_number(session.answer):
        return bool(session.answer == task.answer)
    return session.answer is not None and _folded(session.answer) == _folded(task.answer)


def numeric(tolerance: float = 1e-6) -> Metric:
    """The answer's number within `tolerance` of the true one, relative for numbers above 1, absolute below.

    A number is read from text as `read_number` does.

    Raises:
        ForgeError: the tolerance is negative.
    """
    if not tolerance >= 0:
        raise ForgeError(f"numeric(tolerance={tolerance!r}): 0 or more")

    def numeric_match(task: Task, session: Session) -> bool:
        wanted, given = read_number(task.answer), read_number(session.answer)
        if wanted is None:
            raise ForgeError(f"task {task.id!r}: the answer {task.answer!r} holds no number: use another metric, or "
                             "mend the label")  # fmt: skip
        return given is not None and abs(given - wanted) <= tolerance * max(1.0, abs(wanted))

    return numeric_match


_NUMBER = re.compile(r"[-+\u2212]?[$\u20ac\u00a3]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d)\.?)(?:[eE][-+]?\d+)?")
_PART = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_FRACTION = re.compile(rf"(?<![\d.,])([-+\u2212]?{_PART})\s*/\s*({_PART})")


def read_number(value: Any) -> float | None:  # answers are any JSON value
    """The number that a value is, or that stands last in a text: "$1,234.50", "3/4", "-5", "1e3", "so 12 pens".

    A percent sign is a unit like any other: "50%" reads as 50. None if there is no finite number.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _finite(value)
    if not isinstance(value, str):
        return None
    fractions = list(_FRACTION.finditer(value))
    numbers = [match for match in _NUMBER.finditer(value) if any(c.isdigit() for c in match.group())]
    if fractions and (not numbers or fractions[-1].end() >= numbers[-1].end()):
        over, under = map(_plain, fractions[-1].groups())
        return _finite(over / under) if under else None
    if not numbers:
        return None
    last = numbers[-1]
    text = last.group()
    if last.start() and (value[last.start() - 1].isalnum()) and text[0] in "-+\u2212":
        text = text[1:]  # the minus of a range or a hyphen: "5-12", "A-3"
    return _finite(_plain(text))


def _plain(text: str) -> float:
    """The number that digits write, infinite where it is too large, with commas and a currency."""
    return float(re.sub(r"[\s,$\u20ac\u00a3]", "", text).replace("\u2212", "-"))


def _finite(number: float) -> float | None:
    """The number as a float; None where it is none or too large, as whole numbers may be."""
    try:
        return float(number) if math.isfinite(number) else None
    except OverflowError:
        return None


def one_of(*choices: str) -> Metric:
    """Multiple choice: the one choice that the answer names, as a whole word or "(B)", is the true one."""
    if len(set(map(_folded, choices))) < 2:
        raise ForgeError(f"one_of{choices!r}: give at least two different choices")

    def choice_match(task: Task, session: Session) -> bool:
        text = _folded(session.answer)
        named = [choice for choice in choices if re.search(rf"(?<!\w){re.escape(_folded(choice))}(?!\w)", text)]
        return len(named) == 1 and _folded(named[0]) == _folded(task.answer)

    return choice_match


def math_equivalent(task: Task, session: Session) -> bool:
    """The same mathematical object, by the math-verify library (needs the `math` extra): 1/2, 0.5 and \\frac{1}{2}.

    What takes seconds to evaluate counts as another object.

    Raises:
        ForgeError: the extra is not installed.
    """
    from forge.math_worker import equivalent

    if session.answer is None:
        return False
    same = _folded(session.answer) == _folded(task.answer)
    return same or equivalent(str(task.answer), str(session.answer))


def llm_judge(model: str | ChatModel, rubric: str = "The answer says the same as the reference.") -> Metric:
    """A chat model decides whether an answer meets the rubric.

    Args:
        model: a LiteLLM id, or a ChatModel.
        rubric: when an answer counts as right.

    Raises:
        ForgeError: when scoring, if the judge gives no reply, or no verdict that can be read.
    """
    from forge import models

    judge: Any = models.resolve(model) if isinstance(model, str) else model
    if not hasattr(judge, "complete_sync"):
        raise ForgeError(f"llm_judge(model={model!r}): it must write text; give a LiteLLM id")

    def judged(task: Task, session: Session) -> Score:
        from forge.models.chat import ChatRequest

        words = (f"{rubric}\n\nQuestion: {task.question}\nReference: {task.answer}\nAnswer: {session.answer}\n\n"
                 "Say why in one sentence, then a last line with only YES or NO.")  # fmt: skip
        reply = judge.complete_sync(ChatRequest(messages=({"role": "user", "content": words},), temperature=0.0))
        verdict = reply.text.strip().rsplit("\n", 1)[-1].strip(" .*").upper()
        if verdict not in {"YES", "NO"}:
            said = reply.error or repr(reply.text)
            raise ForgeError(f"the judge {judge.name!r} gave no verdict on task {task.id!r}: {said}")
        return Score(float(verdict == "YES"), reply.text.strip())

    return judged


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _folded(value: object) -> str:
    return "" if value is None else " ".join(str(value).casefold().split())
