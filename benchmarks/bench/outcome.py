"""What one cell of a bench measured: who was trained how, on which seed, and every test task it answered."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from functions.errors import ForgeError
from functions.storage import write_whole

if TYPE_CHECKING:
    from pydantic import TypeAdapter

READABLE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.")


@dataclass(frozen=True, slots=True)
class Cell:
    """Which training a cell is; cells that differ in the seed alone make one row.

    `without` names an ablated part, "" for the whole; `advice_cost` None means that asking is free or not possible;
    with `advice_first` advice is sought in the first so many sessions of a stream, each of them, and then no more.
    """

    dataset: str
    regime: str
    without: str = ""
    advice_cost: float | None = None
    advice_first: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.dataset or not self.regime:
            raise ForgeError(f"a cell of data set {self.dataset!r} and regime {self.regime!r}: give both a name")
        if self.advice_cost is not None:
            _amount("advice_cost", self.advice_cost)
            # cells that are equal have one name: 1 and 1.0, 0.0 and -0.0
            object.__setattr__(self, "advice_cost", float(self.advice_cost) + 0.0)
        if self.advice_first is not None:
            _amount("advice_first", self.advice_first)

    @property
    def name(self) -> str:
        """A name for files, another one for every other cell: `storeqa,forge+ppo,without=memory,cost=0.3,seed=0`."""
        parts = [_readable(self.dataset), _readable(self.regime)]
        if self.without:
            parts.append(f"without={_readable(self.without)}")
        if self.advice_cost is not None:
            parts.append(f"cost={self.advice_cost!r}")
        if self.advice_first is not None:
            parts.append(f"first={self.advice_first}")
        return ",".join((*parts, f"seed={self.seed}"))


@dataclass(frozen=True, slots=True)
class Answered:
    """A test task: its place in its stream ("" if it is in none), its score in [0, 1], how often it sought advice."""

    id: str
    stream: str
    place: int
    kind: str
    score: float
    advice: int

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:
            raise ForgeError(f"task {self.id!r} has a score of {self.score}: scores are from 0 to 1")
        if self.place < 0 or self.advice < 0:
            raise ForgeError(f"task {self.id!r} has place={self.place}, advice={self.advice}: neither can be below 0")

    @property
    def unit(self) -> tuple[str, str]:
        """What is independent of all else: the stream, or the task itself if it is in none."""
        return (self.stream, "") if self.stream else ("", self.id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished cell: test tasks answered greedily, what the training spent, and its curve.

    `model` is what it runs on, in words; `functions` are those of its library at the end; `curve` holds pairs of
    rollouts and the total score on validation tasks. Costs are those of the training, but for `test_tokens` and
    `test_usd`, which playing the test took; cells of before they were counted have 0.
    """

    cell: Cell
    model: str
    functions: tuple[str, ...]
    tasks: tuple[Answered, ...]
    rollouts: int
    demonstrations: int
    tokens: int
    usd: float
    seconds: float
    cpu_seconds: float
    gpu_seconds: float
    curve: tuple[tuple[float, float], ...]
    notes: tuple[str, ...]
    test_tokens: int = 0
    test_usd: float = 0.0

    def __post_init__(self) -> None:
        if not self.tasks:
            raise ForgeError(f"the cell {self.cell.name} has no tasks: a cell is finished when its test is played")
        if len({task.id for task in self.tasks}) != len(self.tasks):
            raise ForgeError(f"the cell {self.cell.name} has tasks of the same id: rows are paired by them")
        for name in ("rollouts", "demonstrations", "tokens", "usd", "seconds", "cpu_seconds", "gpu_seconds",
                     "test_tokens", "test_usd"):  # fmt: skip
            _amount(name, getattr(self, name))
        if not all(math.isfinite(number) for point in self.curve for number in point):
            raise ForgeError(f"the cell {self.cell.name} has {self.curve} for a curve: its numbers must be finite")

    def reward(self, task: Answered) -> float:
        """Score minus the cost of advice; advice without a cost is free."""
        return task.score - (self.cell.advice_cost or 0.0) * task.advice

    @property
    def reward_by_task(self) -> dict[str, float]:
        return {task.id: self.reward(task) for task in self.tasks}

    @property
    def asked_by_task(self) -> dict[str, float]:
        """1 where advice was sought, else 0."""
        return {task.id: float(task.advice > 0) for task in self.tasks}

    @property
    def total(self) -> float:
        """The mean reward: AGILE's total score (arXiv 2405.14751)."""
        return statistics.fmean([self.reward(task) for task in self.tasks])

    @property
    def score(self) -> float:
        return statistics.fmean([task.score for task in self.tasks])

    @property
    def accuracy(self) -> float:
        """The share of tasks with the full score, as in `forge.evaluate`."""
        return statistics.fmean([float(task.score >= 1.0) for task in self.tasks])

    @property
    def advice_rate(self) -> float:
        """The share of tasks in which advice was sought."""
        return statistics.fmean([float(task.advice > 0) for task in self.tasks])

    def to_json(self) -> str:
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes, *, name: str = "the text") -> Outcome:
        """The outcome that `to_json` wrote.

        Args:
            name: where the text comes from, for the error.

        Raises:
            ForgeError: it is no outcome, or one that cannot be.
        """
        from pydantic import ValidationError

        try:
            return _adapter().validate_json(text, strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ForgeError(
                f"{name} is no finished cell of a bench: {f'{place}: ' if place else ''}{first['msg']} "
                "(remove it, and the bench makes it anew)"
            ) from error
        except ForgeError as error:
            raise ForgeError(f"{name} is no finished cell of a bench: {error}") from error

    def save(self, folder: Path) -> Path:
        """Write `<name of the cell>.json`, whole or not at all; returns its path.

        Raises:
            ForgeError: the file cannot be written.
        """
        path = folder / f"{self.cell.name}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, self.to_json())
        except OSError as error:
            raise ForgeError(f"cannot write {path}: {error.strerror}") from error
        return path


def load(folder: Path) -> tuple[Outcome, ...]:
    """The finished cells of a folder, by name of file.

    Raises:
        ForgeError: a file that is damaged or foreign, cannot be read, or holds a cell that another one holds too.
    """
    found: dict[Cell, tuple[Path, Outcome]] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            outcome = Outcome.from_json(path.read_bytes(), name=str(path))
        except OSError as error:
            raise ForgeError(f"cannot read {path}: {error.strerror}") from error
        if outcome.cell in found:
            raise ForgeError(f"{path} and {found[outcome.cell][0]} hold the same cell: keep one of them")
        found[outcome.cell] = (path, outcome)
    return tuple(outcome for _, outcome in found.values())


def _readable(text: str) -> str:
    """The text in characters that any file system takes; other texts give other results."""
    return "".join(
        character if character in READABLE else "_" if character == " " else f"~{ord(character):x}~"
        for character in text
    )


def _amount(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise ForgeError(f"{name}={value}: it must be a number of at least 0")


@cache
def _adapter() -> TypeAdapter[Outcome]:
    from pydantic import TypeAdapter

    return TypeAdapter(Outcome)
