"""A question with its answer, and a set of them with the metric that scores answers."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import random
import zlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, overload

from forge.metrics import Metric, exact_match
from functions.errors import ForgeError


@dataclass(frozen=True, slots=True)
class Task:
    """One question. `answer` is for metrics, experts and optimizers only: no model is shown it.

    Tasks of one `stream` are played in order over one memory; streams are independent. Memory is searched with the
    question unless `metadata["memory_query"]` is a text: where much stands around what is asked, what is asked.
    """

    id: str
    question: str
    answer: Any = None
    stream: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def memory_query(self) -> str:
        """What memory is searched with where the model gives no words."""
        given = self.metadata.get("memory_query")
        return given if isinstance(given, str) and given.strip() else self.question


class Dataset(Sequence[Task]):
    """Tasks plus the metric that scores them. Immutable.

    Args:
        rows: tasks, or mappings with `question` and `answer`, optionally `id` and `stream`; what else a mapping
            holds becomes the task's `metadata`.
        metric: `metric(task, session) -> float | bool | Score`, in [0, 1].
        name: shown in logs and tables.

    Raises:
        ForgeError: no rows, a row that is no mapping, a row without a question or answer, or two equal ids.
    """

    def __init__(
        self, rows: Iterable[Mapping[str, Any] | Task], *, metric: Metric = exact_match, name: str = "dataset"
    ) -> None:
        if not isinstance(rows, Iterable) or isinstance(rows, str | Mapping):
            raise ForgeError(f"Dataset({rows!r:.60}): give a list of mappings with 'question' and 'answer'")
        self._tasks = tuple(_task(row, number) for number, row in enumerate(rows))
        if not self._tasks:
            raise ForgeError(f"dataset {name!r} has no rows: give at least one with 'question' and 'answer'")
        seen: set[str] = set()
        for task in self._tasks:
            if task.id in seen:
                raise ForgeError(f"dataset {name!r} has two tasks with id {task.id!r}: ids must differ")
            seen.add(task.id)
        if not callable(metric):
            raise ForgeError(f"metric={metric!r} is not callable: give metric(task, session) -> a number in [0, 1]")
        self.metric = metric
        self.name = name

    @property
    def tasks(self) -> tuple[Task, ...]:
        return self._tasks

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self._tasks)

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> Dataset: ...
    def __getitem__(self, index: int | slice) -> Task | Dataset:
        return self._with(self._tasks[index]) if isinstance(index, slice) else self._tasks[index]

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, {len(self)} tasks)"

    @property
    def digest(self) -> str:
        """A content hash of the tasks, in order."""
        text = json.dumps([[t.id, t.question, t.answer, t.stream] for t in self._tasks], default=repr, sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def streams(self) -> dict[str, tuple[Task, ...]]:
        """The tasks by stream, each in order; a task that names no stream is a stream of its own."""
        found: dict[str, list[Task]] = {}
        for task in self._tasks:
            found.setdefault(task.stream or f"task:{task.id}", []).append(task)
        return {name: tuple(tasks) for name, tasks in found.items()}

    def split(self, first: float, *, seed: int | str = 0) -> tuple[Dataset, Dataset]:
        """Two disjoint data sets by seed, whole streams at a time; `first` is a fraction or a number of tasks.

        The order of tasks within each part is the order here.
        """
        wanted = round(first * len(self)) if isinstance(first, float) else int(first)
        if not 0 < wanted < len(self):
            raise ForgeError(f"split({first!r}) of {len(self)} tasks leaves one part empty: choose between 1 and "
                             f"{len(self) - 1} tasks, or a fraction that gives as many")  # fmt: skip
        groups = list(self.streams().values())
        random.Random(f"split:{seed}").shuffle(groups)
        chosen: set[str] = set()
        for group in groups:
            if len(chosen) + len(group) <= wanted:
                chosen.update(task.id for task in group)
        if not chosen:
            raise ForgeError(f"split({first!r}): every stream has more than {wanted} tasks, and streams are not cut")
        return (
            self._with(task for task in self._tasks if task.id in chosen),
            self._with(task for task in self._tasks if task.id not in chosen),
        )

    def sample(self, size: int, *, seed: int = 0) -> Dataset:
        """At most `size` tasks drawn by seed without replacement, in the order here.

        Where tasks form streams, whole streams are drawn, and of the last one its beginning: what is remembered in a
        stream is of use only if what comes after it is there too.
        """
        if size >= len(self):
            return self
        if size < 1:
            raise ForgeError(f"sample({size}): draw at least one task")
        generator, groups = random.Random(f"sample:{seed}"), list(self.streams().values())
        if len(groups) == len(self):
            places = sorted(generator.sample(range(len(self)), size))
            return self._with(self._tasks[place] for place in places)
        generator.shuffle(groups)
        return self.only({task.id for task in [task for group in groups for task in group][:size]})

    def only(self, ids: Container[str]) -> Dataset:
        """The tasks with these ids, in the order here."""
        return self._with(task for task in self._tasks if task.id in ids)

    def with_metric(self, metric: Metric) -> Dataset:
        """The same tasks under another metric."""
        return Dataset(self._tasks, metric=metric, name=self.name)

    @classmethod
    def from_jsonl(
        cls, path: str | Path, *, metric: Metric = exact_match, columns: Mapping[str, str] | None = None
    ) -> Dataset:
        """Rows of a JSON Lines file, gzipped if it ends in .gz.

        Args:
            columns: maps "question", "answer", "id", "stream" to the file's own names.
        """
        rows = []
        for number, line in enumerate(_read(path).split("\n"), start=1):  # a text may hold other ends of lines
            if not line.strip():
                continue
            try:
                rows.append(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise ForgeError(f"{path}: line {number} is not JSON ({error}): one JSON object a line") from error
        return cls(_renamed(rows, columns), metric=metric, name=_stem(path))

    @classmethod
    def from_csv(
        cls, path: str | Path, *, metric: Metric = exact_match, columns: Mapping[str, str] | None = None
    ) -> Dataset:
        """Rows of a CSV file with a header line, gzipped if it ends in .gz; answers are text, and none is empty."""
        rows = [{**row, "answer": None} if row.get("answer") == "" else row for row in _renamed(_table(path), columns)]
        return cls(rows, metric=metric, name=_stem(path))

    @classmethod
    def from_hub(
        cls,
        path: str,
        *,
        split: str = "train",
        metric: Metric = exact_match,
        columns: Mapping[str, str] | None = None,
        **load_arguments: Any,  # passed on as they are to datasets.load_dataset
    ) -> Dataset:
        """A split of a Hugging Face data set, by hub id or local path (needs the `hub` extra).

        Raises:
            ForgeError: there is no such data set or split, it cannot be reached or read, or a row is no task.
        """
        try:
            from datasets import load_dataset
            from datasets.exceptions import DatasetsError
        except ImportError as error:
            raise ForgeError("Dataset.from_hub needs the package datasets: pip install 'forge-agents[hub]'") from error
        try:
            rows = [dict(row) for row in load_dataset(path, split=split, **load_arguments)]
        except (OSError, ValueError, DatasetsError) as error:
            raise ForgeError(f"from_hub({path!r}, split={split!r}): {_refusal(error)}") from error
        return cls(_renamed(rows, columns), metric=metric, name=path)

    def _with(self, tasks: Iterable[Task]) -> Dataset:
        return Dataset(tasks, metric=self.metric, name=self.name)


def _task(row: Mapping[str, Any] | Task, number: int) -> Task:
    if isinstance(row, Task):
        _check_question(row.question, number)
        return row if row.id else replace(row, id=str(number))
    if not isinstance(row, Mapping):
        raise ForgeError(f"row {number} is a {type(row).__name__}: give a mapping with 'question' and 'answer'")
    for key in ("question", "answer"):
        if key not in row:
            raise ForgeError(
                f"row {number} has no {key!r}, only {sorted(map(str, row))}: name the column with columns="
            )
    _check_question(row["question"], number)
    if row["answer"] is None:
        raise ForgeError(f"row {number} ({row['question'][:60]!r}) has no answer: drop the row or label it")
    rest = {key: value for key, value in row.items() if key not in {"id", "question", "answer", "stream"}}
    identity = row.get("id")
    return Task(
        id=str(number) if identity is None or identity == "" else str(identity),
        question=row["question"],
        answer=row["answer"],
        stream="" if (stream := row.get("stream")) is None else str(stream),
        metadata=rest,
    )


def _check_question(question: object, number: int) -> None:
    if not isinstance(question, str) or not question.strip():
        raise ForgeError(f"row {number}: question={question!r} must be a non-empty text")


def _renamed(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str] | None) -> list[Mapping[str, Any]]:
    if not columns:
        return list(rows)
    known = {"question", "answer", "id", "stream"}
    if unknown := set(columns) - known:
        raise ForgeError(f"columns names {sorted(unknown)}: it maps {sorted(known)} to the file's own column names")
    renamed: list[Mapping[str, Any]] = []
    for number, row in enumerate(rows):
        if missing := [name for name in columns.values() if name not in row]:
            raise ForgeError(f"row {number} has no column {missing[0]!r}, only {sorted(map(str, row))}")
        own = {name: row[column] for name, column in columns.items()}
        renamed.append({**{k: v for k, v in row.items() if k not in columns.values()}, **own})
    return renamed


def _refusal(error: Exception) -> str:
    """Why Hugging Face gives no data set, and the way out."""
    from datasets.exceptions import DatasetNotFoundError, DatasetsError

    why = (str(error.__cause__ or error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    if isinstance(error, ConnectionError):
        return f"{why}: without a network, give a local folder, or a file to Dataset.from_jsonl"
    if isinstance(error, FileNotFoundError | DatasetNotFoundError):
        return f"{why}: look the name up on the hub (owner/name), and log in where it is private or gated"
    if isinstance(error, DatasetsError):
        return f"{why}: mend its files, or convert them for Dataset.from_jsonl"
    return f"{why}: give another split= or name="


def _table(path: str | Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file by its header; a row may end before the header does, and empty cells may be anywhere."""
    reader = csv.DictReader(io.StringIO(_read(path), newline=""))
    try:
        header = reader.fieldnames or ()
        if twice := next((name for name in header if name and header.count(name) > 1), None):
            raise ForgeError(f"{path}: the header names {twice!r} twice: rename one of the columns")
        for row in reader:
            if any(beyond := row.pop(None, ())):
                count = len(header) + len(beyond)
                raise ForgeError(f"{path}: line {reader.line_num} has {count} cells, and the header names "
                                 f"{len(header)} columns: quote a cell that has a comma")  # fmt: skip
            yield row
    except csv.Error as error:
        raise ForgeError(f"{path}: after line {reader.line_num} it is no CSV ({error})") from error


def _stem(path: str | Path) -> str:
    return Path(Path(path).name.removesuffix(".gz")).stem


def _read(path: str | Path) -> str:
    try:
        content = Path(path).read_bytes()
        return (gzip.decompress(content) if Path(path).suffix == ".gz" else content).decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ForgeError(f"{path} ends in .gz and cannot be unpacked ({error}): rename it, or pack it anew") from error
    except OSError as error:
        raise ForgeError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ForgeError(f"{path} is not UTF-8 text (byte {error.start}): convert it first") from error
