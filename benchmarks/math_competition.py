"""MATH: 12,500 competition problems of seven types (Hendrycks et al. 2021, arXiv 2103.03874), MIT.

An answer is right if it is the same mathematical object, not the same text: see `same_answer`. The files are those of
ToRA, whose rows are MATH's own. A training file without solutions, `train_answers_only.jsonl` with the answers alone,
is read as well.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from benchmarks.data import DataFile, Source, find_any, rows
from benchmarks.published import AGENT_OPTIMIZER, Published
from forge.agent import Agent
from forge.math_worker import equivalent
from forge.session import Session
from forge.task import Dataset, Task
from functions.errors import ForgeError

INSTRUCTIONS = (
    "Solve the problem. Answer with the result alone, simplified, in LaTeX: no words, no units, no dollar signs."
)
TYPES = (
    "prealgebra",
    "algebra",
    "intermediate_algebra",
    "geometry",
    "counting_and_probability",
    "precalculus",
    "number_theory",
)
PUBLISHED = {  # all 5,000 test problems, scored as text
    "GPT-2 1.5B, fine-tuned": Published(0.069, "arXiv 2103.03874"),
    "GPT-3 13B, fine-tuned": Published(0.056, "arXiv 2103.03874"),
    "GPT-3 175B, few-shot": Published(0.052, "arXiv 2103.03874"),
}
_TRAINED = {  # before and after training, of "GPT-4+" and of ReAct
    "prealgebra": (0.788, 0.826, 0.875, 0.875),
    "algebra": (0.663, 0.650, 0.838, 0.825),
    "intermediate_algebra": (0.300, 0.388, 0.500, 0.513),
    "geometry": (0.400, 0.425, 0.538, 0.588),
    "counting_and_probability": (0.725, 0.763, 0.738, 0.788),
    "precalculus": (0.325, 0.350, 0.538, 0.625),
    "number_theory": (0.563, 0.675, 0.688, 0.725),
}
_ROWS = ("GPT-4 with code", "GPT-4 with code, trained", "GPT-4, ReAct", "GPT-4, ReAct, trained")
PUBLISHED_BY_TYPE = {  # 80 test problems a type, before and after training on 20
    type: {row: Published(score, AGENT_OPTIMIZER) for row, score in zip(_ROWS, scores, strict=True)}
    for type, scores in _TRAINED.items()
}
_SOURCE = Source("microsoft/ToRA", "213c1c995038c73fab10343814df7a42f990f026", "MIT")
_FILES = {
    "train": (
        DataFile("math", "train_answers_only.jsonl"),
        DataFile("math", "train.jsonl", _SOURCE, "src/data/math/train.jsonl",
                 "8e03e08b19acbf2b425296215b6e882caa465298"),
    ),
    "test": (
        DataFile("math", "test.jsonl", _SOURCE, "src/data/math/test.jsonl",
                 "87d7931a3fa757e3bac4602e5bed86d223944e59"),
    ),
}  # fmt: skip


def load(split: Literal["train", "test"], type: str | None = None, folder: Path | None = None) -> Dataset:
    """The problems of a split; `metadata` has "type" and "level" (1 to 5; None for the few that have none).

    The answer is what the solution boxes last; the solution stays out. A problem without any answer is left out: two
    of those in `train_answers_only.jsonl`.

    Args:
        split: "train" (7,500 problems at the source) or "test" (5,000).
        type: one of `TYPES`; None is all of them.
        folder: the one that holds the files; None is wherever `DataFile.find` finds them.

    Raises:
        ForgeError: no such split, type or file, or a row that is none of MATH's.
    """
    if split not in _FILES:
        raise ForgeError(f"math has no split {split!r}: it has 'train' and 'test'")
    if type is not None and type not in TYPES:
        raise ForgeError(f"math has no problems of type {type!r}: one of {', '.join(TYPES)}")
    path = find_any(*_FILES[split], folder=folder)
    tasks = [_task(row, f"math-{split}-{row.get('idx', place)}", path) for place, row in enumerate(rows(path))]
    kept = [task for task in tasks if task.answer and type in (None, task.metadata["type"])]
    return Dataset(kept, metric=same_answer, name="-".join(["math", *([type] if type else []), split]))


def disjoint(type: str | None = None, folder: Path | None = None) -> tuple[Dataset, Dataset]:
    """The whole training and test split, of one type or all, less the training problems that are test problems too.

    There are nine of those in MATH, word for word but for punctuation.

    Raises:
        ForgeError: as `load` does.
    """
    train, test = load("train", type, folder), load("test", type, folder)
    tested = {_words(task.question) for task in load("test", None, folder)}
    return train.only({task.id for task in train if _words(task.question) not in tested}), test


def paper_split(type: str, seed: int = 0, folder: Path | None = None) -> tuple[Dataset, Dataset]:
    """20 training and 80 test problems of a type, as many as AgentOptimizer's authors take; no problem is in both.

    As there, the test problems are some whose answer is a plain number (CRAFT's selection of MATH); the training
    problems are any. Which ones they took, they do not say: these are drawn by seed, whatever order a file has.

    Raises:
        ForgeError: as `load` does, or there are too few problems.
    """
    train, test = disjoint(type, folder)
    plain = [task for task in test if _is_number(task.answer)]
    return _drawn(train, train.tasks, 20, seed), _drawn(test, plain, 80, seed)


def agent(model: Any = "router") -> Agent:
    """The agent that training starts from, without a single function."""
    return Agent(model=model, instructions=INSTRUCTIONS)


def same_answer(task: Task, session: Session) -> bool:
    """Whether the answer, or what it boxes last, is the task's answer.

    It is if both have one `normal_form`, which follows the scorer of MATH's authors. Where that scorer, which compares
    texts, sees a difference, the math-verify library decides (needs the `math` extra): 0.5, 1/2 and 2/4 are one number,
    x^2-4 and (x-2)(x+2) one polynomial, decimals count to the sixth place and floats are whole if they are to ten
    digits, and lists without brackets are sets. Not in three cases, where the authors' scorer keeps the word: a formula
    copied out of the problem (who is to factor x^2-4 and answers x^2-4 has done nothing; the library takes such a copy
    in 200 of 3,507 problems), lists that the problem wants in an order, and numbers in two different bases (the library
    leaves a base out, and so 12 is right for 12_5).

    Raises:
        ForgeError: the extra is not installed.
    """
    if session.answer is None:
        return False
    given = _written(session.answer)
    wanted, given = _bare(str(task.answer)), _bare(boxed(given) or given)
    if "matrix}" in wanted:
        given = _matrix(given)
    if normal_form(wanted) in (normal_form(given), normal_form(_as_latex(given))):
        return True
    bases = {_bases(text) for text in (wanted, given)} - {frozenset()}
    if len(bases) > 1:
        return False
    if _ORDERED.search(task.question) and len(_parts(wanted)) > 1:
        pairs = zip(_parts(wanted), _parts(given), strict=False)
        same = len(_parts(wanted)) == len(_parts(given)) and all(_equivalent(*pair) for pair in pairs)
    else:
        same = _equivalent(wanted, given)
    return same and not _is_copied(given, task.question)  # last: few are the same, and a copy takes long to look for


def boxed(text: str) -> str | None:
    """What stands in the last \\boxed or \\fbox, to its own closing brace; None where there is none, or none closes."""
    starts = list(re.finditer(r"\\f?box(?:ed)?\s*(?![A-Za-z])", text))
    if not starts:
        return None
    inside = text[starts[-1].end() :]
    if not inside.startswith("{"):  # "\boxed 2$"
        return inside.partition("$")[0].strip() or None
    depth = 0
    for place, character in enumerate(inside):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return inside[1:place].strip()
    return None


# Spellings that the scorer of MATH's authors (hendrycks/math, modeling/math_equivalence.py) takes for the same
_SPELLINGS = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\n|\\!", ""),
        (r"\\\\", r"\\"),
        (r"\\[td]frac", r"\\frac"),
        (r"\\(?:left|right)(?![A-Za-z])", ""),
        (r"\^\s*(?:\{\s*\\circ\s*\}|\\circ)", ""),
        (r"\\?[$%]", ""),
        (r"(?<!\d)\.(?=\d)", "0."),
        (r"\s*\\text\{\s(?!(?:or|and)\b)[^{}]*\}(?:\^\{?\d\}?)?\s*$", ""),  # a unit, at the right end
        (r"\s+", ""),
        (r"\\sqrt([^{\[\\])", r"\\sqrt{\1}"),
        (r"\\frac(?:\{([^{}]*)\}|([^{\\]|\\pi))(?:\{([^{}]*)\}|([^{\\]|\\pi))", r"\\frac{\1\2}{\3\4}"),
    )
]
_WHOLE = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\\text\{([^{}]*)\}", r"\1"),  # "\text{A,D}"
        (r"[A-Za-z](?:_?\d)?=([^=]+)", r"\1"),  # "x=5"
        (r"0\.5", r"\\frac{1}{2}"),
        (r"(-?\d+)/(-?\d+)", r"\\frac{\1}{\2}"),
    )
]


@lru_cache(maxsize=1 << 14)  # a search tries the same numbers on each problem
def normal_form(text: str) -> str:
    """A text in which spellings of one answer are alike: \\frac12, \\dfrac{1}{2}, 1/2; 5, x=5, 5\\%, 5\\text{ cm}.

    It follows the rules of MATH's authors, but for what their rules did not mean: a percent or dollar sign needs no
    backslash, and "10\\text{ or }12" is not 10.
    """
    form = _spelt(text)
    for pattern, replacement in _WHOLE:
        if whole := pattern.fullmatch(form):
            form = whole.expand(replacement)
    return form


def _spelt(text: str) -> str:
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    return text


_END = r"(?:least|smallest|lowest|greatest|largest|highest)"
_ORDERED = re.compile(
    r"\b(?:(?:in|de)creasing|(?:a|de)scending|alphabetical|numerical)\s+order\b"
    rf"|\b{_END} to (?:the )?{_END}\b",
    re.IGNORECASE,
)
_AS_LATEX = [  # what functions write, and the library does not read
    (re.compile(r"\*\*\s*(-?\w+(?:\.\d+)?|\((?:[^()]|\([^()]*\))*\))"), r"^{\1}"),
    (re.compile(r"(?<![\\A-Za-z])a(?=(?:sin|cos|tan)\()"), "arc"),
    (re.compile(r"(?<![\\A-Za-z])((?:arc)?(?:sin|cos|tan)|cot|sec|csc|log|ln|exp)(?=\()"), r"\\\1"),
    (re.compile(r"(?<![\\A-Za-z])factorial(\([^()]*\))"), r"\1!"),
    (re.compile(r"(?<![\w.)}^])(\d+)\s*/\s*(\d+)(?!\d|\.\d)"), r"\\frac{\1}{\2}"),  # 3/5i is three fifths of i
    (re.compile(r"(?<![\\A-Za-z])pi(?![A-Za-z])"), r"\\pi "),
    (re.compile(r"(?<![\\A-Za-z])(?:oo|inf|infinity)(?![A-Za-z])"), r"\\infty "),
    (re.compile(r"\\text\{(\s*or\b\s*[^{}\s][^{}]*)\}"), r"\1"),  # units are dropped with their \text, not alternatives
]


def _as_latex(text: str) -> str:
    for pattern, replacement in _AS_LATEX:
        text = pattern.sub(replacement, text)
    return text


_UNREAD = [  # what the problems' authors write, and the library does not read
    (re.compile(r"\\\$"), ""),  # \$5 is no number to it
    (re.compile(r"\\frac\s*\\pi\s*(\d)"), r"\\frac{\\pi}{\1}"),
    (re.compile(r"(?<=\d),\s*\\!\s*(?=\d{3}(?!\d))"), ""),
]


def _equivalent(wanted: str, given: str) -> bool:
    given = _as_latex(given)
    for pattern, replacement in _UNREAD:
        wanted, given = pattern.sub(replacement, wanted), pattern.sub(replacement, given)
    return equivalent(wanted, given)


def _bases(text: str) -> frozenset[int]:
    """The bases that numbers of a text are written in: 16 of 2A_{16}."""
    return frozenset(map(int, re.findall(r"(?<=[0-9A-Z}])_\{?([0-9]+)", _spelt(text))))


def _is_copied(given: str, question: str) -> bool:
    """An expression that stands in the problem as it is. Whole numbers stand there by chance, results in drawings."""
    form = _spelt(given)
    if not form or form.lstrip("-").isdigit():
        return False
    copy = re.compile(rf"(?<![\w.]){re.escape(form)}(?!\w)")
    words = re.sub(r"(?s)\[asy\].*?\[/asy\]", "", question)
    return any(copy.search(_spelt(formula)) for formula in re.split(r"\$|\\\[|\\\]", words))


def _parts(text: str) -> list[str]:
    """The items of a list without brackets; a text in brackets is one item, and so is a number such as 1,000."""
    text = re.sub(r"(?<=\d)(?:\{,\}|,\\!|,)(?=\d{3}(?!\d))", "", text)
    parts, depth = [""], 0
    for character in text:
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in map(str.strip, parts) if part]


def _written(value: Any) -> str:
    """An answer as text; a list is a list without brackets, those in it are in brackets."""
    if not isinstance(value, list | tuple):
        return str(value)
    return ", ".join(f"({_written(item)})" if isinstance(item, list | tuple) else str(item) for item in value)


def _matrix(text: str) -> str:
    """Two rows or more, each in brackets, as a matrix in LaTeX; another text as it is."""
    whole = re.fullmatch(r"\[\s*([\[(].*[\])])\s*\]", text, re.DOTALL)
    rows = _parts(whole[1] if whole else text)
    if (len(rows) < 2 and not whole) or not all(re.fullmatch(r"[\[(].*[\])]", row, re.DOTALL) for row in rows):
        return text
    cells = r" \\ ".join(" & ".join(_parts(row[1:-1])) for row in rows)
    return rf"\begin{{pmatrix}}{cells}\end{{pmatrix}}"


def _bare(text: str) -> str:
    """Without the dollar signs or \\[ and \\] around a formula and a full stop; several formulas keep theirs."""
    text = re.sub(r"(?s)^\s*\\\[((?:(?!\\\[).)*)\\\][\s.]*$", r"\1", text)
    bare = re.sub(r"^[\s$]+|(?:(?<!\\)\$|[\s.])+$", "", text)
    return re.sub(r"^\s+|[\s.]+$", "", text) if re.search(r"(?<!\\)\$", bare) else bare


def _is_number(answer: str) -> bool:
    try:
        float(answer)
    except ValueError:
        return False
    return True


def _drawn(dataset: Dataset, pool: Sequence[Task], size: int, seed: int) -> Dataset:
    if len(pool) < size:
        raise ForgeError(f"{dataset.name} has {len(pool)} problems to draw {size} from: it takes MATH's whole files")
    by_chance = sorted(pool, key=lambda task: hashlib.sha256(f"{seed}:{task.question}".encode()).digest())
    return dataset.only({task.id for task in by_chance[:size]})


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _task(row: Mapping[str, Any], identity: str, path: Path) -> Task:
    try:
        answer = row["answer"].strip() if "solution" not in row else boxed(row["solution"])
        kind = row["type"].lower().replace("&", "and").replace(" ", "_")
        level = re.fullmatch(r"Level (?:(\d)|\?)", row["level"])
        if answer is None or kind not in TYPES or level is None:
            raise ValueError(f"answer {answer!r}, type {row['type']!r}, level {row['level']!r}")
        metadata = {"type": kind, "level": int(level[1]) if level[1] else None}
        return Task(identity, row["problem"], answer, metadata=metadata)
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise ForgeError(f"{path}: {identity} is no MATH row ({error.__class__.__name__}: {error}); it needs problem, "
                         "type, level, and a solution with a \\boxed answer, or an answer") from None  # fmt: skip
